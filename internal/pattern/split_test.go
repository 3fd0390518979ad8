package pattern

import (
	"slices"
	"testing"
)

func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		"":                    nil,
		"   ":                 nil,
		"*.tmp":               {"*.tmp"},
		" *.tmp  build/ ":     {"*.tmp", "build/"},
		`my\ files/ b`:        {`my\ files/`, "b"},
		`ends\\ in backslash`: {`ends\\`, "in", "backslash"},
	} {
		t.Run(line, func(t *testing.T) {
			if got := Split(line); !slices.Equal(got, want) {
				t.Errorf("%q: %q, want %q", line, got, want)
			}
		})
	}
	set, err := Parse(Split(`my\ files/`))
	if err != nil || !set.Excludes("a/my files", true) || set.Excludes("a/my", true) {
		t.Errorf("a space behind a backslash is none of the name: %v", err)
	}
}
