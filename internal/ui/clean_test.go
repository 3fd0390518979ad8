package ui

import (
	"strings"
	"testing"
	"unicode"
)

// W2: nothing from outside moves the cursor, turns text around or hides in it.
func TestCleanShowsWhatHides(t *testing.T) {
	for in, want := range map[string]string{
		"plain näme 文":            "plain näme 文",
		"a\x1b[31mred":            `a\u{1b}[31mred`,
		"a\u009b31m":              `a\u{9b}31m`,
		"a\u202etxt.exe":          `a\u{202e}txt.exe`,
		"a\u2066b\u2069":          `a\u{2066}b\u{2069}`,
		"zero\u200bwidth":         `zero\u{200b}width`,
		"mark\ufeff":              `mark\u{feff}`,
		"soft\u00adhyphen":        `soft\u{ad}hyphen`,
		"tag\U000e0041":           `tag\u{e0041}`,
		"arabic\u061cmark":        `arabic\u{61c}mark`,
		"line\u2028separator":     `line\u{2028}separator`,
		"bad\xffbytes":            `bad\u{fffd}bytes`,
		"null\x00 bell\a del\x7f": `null\u{0} bell\u{7} del\u{7f}`,
		"kept\nlines":             "kept\nlines",
	} {
		t.Run(in, func(t *testing.T) {
			if got := Clean(in); got != want {
				t.Errorf("clean(%q) = %q, want %q", in, got, want)
			}
		})
	}
	if got := Name("two\nlines\tand\rmore"); strings.ContainsAny(got, "\n\t\r") {
		t.Errorf("name lets a line break through: %q", got)
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "a\x1b]0;title\a", "\u202e", "\xff\xfe", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range Name(s) {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
				t.Fatalf("name(%q) holds %U", s, r)
			}
		}
	})
}
