package pattern

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// slow says the same as match, by trying everything.
func slow(parts, names []string, first bool) bool {
	switch {
	case len(parts) == 0:
		return len(names) == 0
	case parts[0] == "**" && len(parts) == 1 && !first:
		return len(names) > 0
	case parts[0] == "**":
		return slow(parts[1:], names, false) || len(names) > 0 && slow(parts, names[1:], first)
	}
	ok, err := path.Match(parts[0], firstOf(names))
	return len(names) > 0 && ok && err == nil && slow(parts[1:], names[1:], false)
}

func firstOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// FuzzPatterns: a pattern is refused, or matches what trying every way of it matches; a line of
// patterns comes apart into what no space parts.
func FuzzPatterns(f *testing.F) {
	for _, c := range [][2]string{
		{"*.tmp", "a/b.tmp"},
		{"build/", "x/build"},
		{"/a/**", "t/a/b"},
		{"**/c", "a/b/c"},
		{"**", "x"},
		{"[", "["},
		{`a\ b`, "a b"},
		{"a/**/**/b", "a/b"},
	} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, text, entry string) {
		for _, part := range Split(text) {
			if part == "" {
				t.Fatalf("%q has an empty pattern", text)
			}
		}
		if len(text) > 40 || len(entry) > 40 {
			return // trying every way takes for ever
		}
		s, err := Parse([]string{text})
		if err != nil {
			return
		}
		p := s.patterns[0]
		names := strings.Split(entry, "/")
		want := false
		if p.name {
			want = matchName(p.parts[0], names[len(names)-1])
		} else {
			want = !p.below && slow(p.parts, names, true) || len(names) > 1 && slow(p.parts, names[1:], true)
		}
		if got := s.Excludes(entry, true); got != want {
			t.Fatalf("%q and %q: %v, want %v", text, entry, got, want)
		}
		if !s.Excludes(entry, true) && s.Excludes(entry, false) {
			t.Fatalf("%q excludes the file %q and not the folder", text, entry)
		}
		if !slices.Equal(s.patterns[0].parts, p.parts) {
			t.Fatal("a pattern changed")
		}
	})
}
