package manifest

import (
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzCheckPath: a path that is accepted stays below the folder it is put in, on every system that
// can hold it, and is written in one way only.
func FuzzCheckPath(f *testing.F) {
	for _, s := range []string{
		"a", "a/b", "../x", "/x", "a//b", "a/./b", "a/..", "C:x", `a\..\b`, "con", "nul.txt",
		"a/com¹.x", "x.", "a\x00", "é/e\u0301", "LPT1 .x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if err := CheckPath(s); err != nil {
			if Rule(err) == "" {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if path.Clean(s) != s || path.IsAbs(s) || !filepath.IsLocal(s) || strings.Contains(s, "\x00") {
			t.Fatalf("%q is accepted", s)
		}
		if CheckPathOn("windows", s) == nil {
			for name := range strings.SplitSeq(s, "/") {
				bare, _, _ := strings.Cut(name, ".")
				switch strings.ToUpper(strings.TrimRight(bare, " ")) {
				case "CON", "PRN", "AUX", "NUL", "COM1", "LPT1":
					t.Fatalf("%q is accepted on Windows", s)
				}
				if strings.ContainsAny(name, "\\:\n") || strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ") {
					t.Fatalf("%q is accepted on Windows", s)
				}
			}
		}
	})
}

// FuzzCheckTarget: a link that is accepted leads nowhere out of its tree.
func FuzzCheckTarget(f *testing.F) {
	for _, c := range [][2]string{
		{"a/b", "../c"},
		{"a", "../c"},
		{"a/b", "c/../../../d"},
		{"a", "/x"},
		{"a", ""},
		{"a/b/c", "../.."},
		{"a", "."},
	} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, at, target string) {
		if CheckPath(at) != nil || CheckTarget(at, target) != nil {
			return
		}
		to := path.Join("tree/of/the/transfer", path.Dir(at), target)
		if path.IsAbs(target) || to != "tree/of/the/transfer" && !strings.HasPrefix(to, "tree/of/the/transfer/") {
			t.Fatalf("%q at %q leads to %q", target, at, to)
		}
	})
}
