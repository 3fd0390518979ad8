package pattern

import (
	"strings"
	"testing"
)

func TestExcludes(t *testing.T) {
	for _, c := range []struct {
		pattern, out, in string // paths: those of folders end in "/"
	}{
		{"*.tmp", "a.tmp t/a.tmp t/b/.tmp t/d.tmp/", "t/a.tmp.x t/tmp t/a.TMP"},
		{"dir/", "dir/ t/dir/ t/a/dir/", "t/dir t/dir2/"},
		{"**/x", "x t/x t/a/b/x t/x/", "t/xy t/x/y"},
		{"a/b", "a/b t/a/b", "t/c/a/b t/b x/y/a/b"},
		{"/a", "t/a t/a/", "a t/b/a"},
		{"t/a", "t/a t/t/a", "a"},
		{"a/**", "t/a/b t/a/b/c a/b", "t/a a"},
		{"a/**/z", "t/a/z t/a/b/c/z", "t/a/z/y"},
		{"cache/*.o", "t/cache/a.o", "t/x/cache/a.o t/cache/d/a.o"},
		{"[ab]?", "t/ax b1", "t/cx t/a"},
		{`\!x`, "t/!x", "t/x"},
		{"**", "t t/a t/b/", ""},
		{"Ärger*", "t/Ärger1", "t/ärger1"},
	} {
		t.Run(c.pattern, func(t *testing.T) {
			s, err := Parse([]string{c.pattern})
			if err != nil {
				t.Fatal(err)
			}
			check := func(paths string, want bool) {
				for _, p := range strings.Fields(paths) {
					name, folder := strings.CutSuffix(p, "/")
					if s.Excludes(name, folder) != want {
						t.Errorf("%s excludes %s: %v, want %v", c.pattern, p, !want, want)
					}
				}
			}
			check(c.out, true)
			check(c.in, false)
		})
	}
}

func TestWhatIsNoPattern(t *testing.T) {
	for _, bad := range []string{"", "/", "a//b", "[a", `a\`, "!a", strings.Repeat("a", 2000)} {
		t.Run(bad, func(t *testing.T) {
			if _, err := Parse([]string{"ok", bad}); err == nil {
				t.Errorf("%q is taken", bad)
			}
		})
	}
	if _, err := Parse(make([]string, maxPatterns+1)); err == nil {
		t.Error("so many patterns are taken")
	}
}

func TestManyStarsCostNoMoreThanOne(t *testing.T) {
	s, err := Parse([]string{strings.Repeat("**/", 300) + "x"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Excludes(strings.Repeat("a/", 1000)+"y", false) {
		t.Error("excluded")
	}
}
