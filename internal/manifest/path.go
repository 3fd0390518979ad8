package manifest

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/groupcast/groupcast/internal/protocol"
)

// CheckPath says whether a path may stand in a manifest (security.md R1): relative, "/"
// between its components, none of them empty, "." or "..", UTF-8 without NUL.
func CheckPath(path string) error {
	if path == "" {
		return errors.New("a path is empty")
	}
	if err := checkText(path); err != nil {
		return fmt.Errorf("path %q: %w", clip(path), err)
	}
	for rest, more := path, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		switch name {
		case "":
			return fmt.Errorf("path %q is absolute or has an empty component", clip(path))
		case ".", "..":
			return fmt.Errorf("path %q has the component %q", clip(path), name)
		}
	}
	return nil
}

// CheckTarget says whether the symlink at path may point to target (security.md R3): a
// relative target that resolves inside the tree. ".." may stand only in front, because a
// name before it could be a link itself.
func CheckTarget(path, target string) error {
	bad := func(why string) error {
		return fmt.Errorf("symbolic link %q to %q: %s", clip(path), clip(target), why)
	}
	if target == "" {
		return bad("it has no target")
	}
	if err := checkText(target); err != nil {
		return bad(err.Error())
	}
	if target[0] == '/' {
		return bad("its target is absolute")
	}
	depth, down := strings.Count(path, "/"), false
	for name := range strings.SplitSeq(target, "/") {
		switch name {
		case "", ".":
		case "..":
			if down {
				return bad(`".." may stand only at the beginning of its target, for a name before it could be a link itself`)
			}
			if depth--; depth < 0 {
				return bad("its target leads out of the tree")
			}
		default:
			down = true
		}
	}
	return nil
}

func checkText(s string) error {
	switch {
	case len(s) > protocol.MaxPathBytes:
		return fmt.Errorf("%d bytes are too long", len(s))
	case !utf8.ValidString(s):
		return errors.New("it is not UTF-8")
	case strings.IndexByte(s, 0) >= 0:
		return errors.New("it holds a NUL")
	}
	return nil
}

// Rule is what a path or target breaks, out of the error of CheckPath or CheckTarget: without
// the name, for lists that have it already.
func Rule(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}

// clip keeps messages short.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// CheckPathOn says whether an operating system can hold a path that CheckPath accepted.
func CheckPathOn(goos, path string) error {
	for name := range strings.SplitSeq(path, "/") {
		if err := checkName(goos, name); err != nil {
			return err
		}
	}
	return nil
}

// maxNameBytes is the longest component that the usual file systems hold.
const maxNameBytes = 255

func checkName(goos, name string) error {
	if len(name) > maxNameBytes {
		return fmt.Errorf("name %q is longer than %d bytes", clip(name), maxNameBytes)
	}
	if goos != "windows" {
		return nil
	}
	if i := strings.IndexFunc(name, func(r rune) bool { return r < 0x20 || strings.ContainsRune(`\:<>"|?*`, r) }); i >= 0 {
		return fmt.Errorf("name %q holds %q, which Windows does not allow", name, name[i:i+1])
	}
	if last := name[len(name)-1]; last == '.' || last == ' ' {
		return fmt.Errorf("name %q ends in a dot or a space, which Windows does not keep", name)
	}
	if deviceName(name) {
		return fmt.Errorf("name %q is a device on Windows", name)
	}
	return nil
}

// deviceName says whether Windows takes a name for a device, whatever its extension.
func deviceName(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	for _, prefix := range []string{"COM", "LPT"} {
		if n, ok := strings.CutPrefix(base, prefix); ok &&
			(len(n) == 1 && n >= "0" && n <= "9" || n == "¹" || n == "²" || n == "³") {
			return true
		}
	}
	return false
}
