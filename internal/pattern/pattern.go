// Package pattern says what of a tree is excluded: patterns as they are given to --exclude.
//
//   - `*` stands for any characters but "/", `?` for one of them, `[a-z]` for one of a set, and
//     `\` takes the next character as it is. Capitals count.
//   - A pattern without "/" is compared to the last name of a path, however deep: `*.tmp`.
//   - One that ends in "/" is for folders only: `build/`. Everything in an excluded folder
//     is excluded with it.
//   - One with a "/" elsewhere is compared to the whole path, both as the transfer has it
//     (`course/build/x`) and as it is below the folder that was named (`build/x`); a "/" in
//     front says: only the latter. `**` is any number of folders, also none: `**/cache/*.o`.
package pattern

import (
	"path"
	"strings"

	"github.com/groupcast/groupcast"
)

const (
	maxPatterns = 1000
	maxLength   = 1000 // bytes of one
)

// Set is a list of patterns. The zero Set excludes nothing.
type Set struct {
	patterns []one
}

type one struct {
	parts   []string // between the slashes
	folders bool     // folders only
	name    bool     // compared to the last name
	below   bool     // only to what lies below the folder that was named
}

// Parse reads patterns.
func Parse(texts []string) (*Set, error) {
	if len(texts) > maxPatterns {
		return nil, groupcast.Errorf(groupcast.EInvalid, "%d patterns are more than %d", len(texts), maxPatterns)
	}
	s := &Set{}
	for _, text := range texts {
		p, err := parse(text)
		if err != nil {
			return nil, err
		}
		s.patterns = append(s.patterns, p)
	}
	return s, nil
}

func parse(text string) (one, error) {
	bad := func(why string) (one, error) {
		return one{}, groupcast.Errorf(groupcast.EInvalid, "%q is no pattern: %s", text, why).
			WithHint("for example *.tmp, build/, **/cache")
	}
	if len(text) > maxLength {
		return bad("it is too long")
	}
	if strings.HasPrefix(text, "!") {
		return bad(`"!" has no meaning here; write \! for a name that begins with it`)
	}
	var p one
	rest, folders := strings.CutSuffix(text, "/")
	rest, below := strings.CutPrefix(rest, "/")
	p.folders, p.below = folders, below
	p.name = !below && !strings.Contains(rest, "/") && rest != "**"
	p.parts = strings.Split(rest, "/")
	for _, part := range p.parts {
		if part == "" {
			return bad("a name in it is empty")
		}
		if _, err := path.Match(part, ""); err != nil {
			return bad("a bracket or a backslash in it is left open")
		}
	}
	return p, nil
}

// Split reads patterns from one line: spaces part them, but for those behind a `\`.
func Split(line string) []string {
	var out []string
	var at strings.Builder
	escaped := false
	for _, r := range line {
		if r == ' ' && !escaped {
			if at.Len() > 0 {
				out = append(out, at.String())
			}
			at.Reset()
			continue
		}
		at.WriteRune(r)
		escaped = r == '\\' && !escaped
	}
	if at.Len() > 0 {
		out = append(out, at.String())
	}
	return out
}

// Excludes says whether an entry is excluded: its path as the transfer has it.
func (s *Set) Excludes(entry string, folder bool) bool {
	if s == nil {
		return false
	}
	for i := range s.patterns {
		if p := &s.patterns[i]; (folder || !p.folders) && p.matches(entry) {
			return true
		}
	}
	return false
}

func (p *one) matches(entry string) bool {
	names := strings.Split(entry, "/")
	if p.name {
		return matchName(p.parts[0], names[len(names)-1])
	}
	return !p.below && match(p.parts, names) || len(names) > 1 && match(p.parts, names[1:])
}

// match compares the parts of a pattern to the names of a path. It tries each part once for
// each name at most: many `**` cost no more than one.
func match(parts, names []string) bool {
	reach := make([]bool, len(names)+1) // names of which the first i can be used up by the parts so far
	reach[0] = true
	for n, part := range parts {
		next := make([]bool, len(names)+1)
		if part == "**" {
			open := false
			for i := range reach {
				open = open || reach[i]
				next[i] = open
			}
			if n == len(parts)-1 && n > 0 { // a/** is what lies in a, not a itself
				copy(next[1:], next[:len(names)])
				next[0] = false
			}
		} else {
			for i, name := range names {
				next[i+1] = reach[i] && matchName(part, name)
			}
		}
		reach = next
	}
	return reach[len(names)]
}

func matchName(part, name string) bool {
	ok, err := path.Match(part, name)
	return ok && err == nil
}
