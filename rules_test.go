package groupcast_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Where rules are written down, and where comments cite them.
const rulesPage = "docs/security.md"

var (
	ruleCode  = regexp.MustCompile(`\b[A-Z]\d{1,2}\b`)
	ruleRow   = regexp.MustCompile(`(?m)^\| ([A-Z]\d{1,2}) \| ([^|]+) \| ([^|]+) \|$`)
	testName  = regexp.MustCompile("`((?:Test|Fuzz)\\w*)`| in ([a-z][a-z0-9/]*)")
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w*)\(`)
	lineNote  = regexp.MustCompile(`(?:^|\s)(?://|--|#) .*$`)
	pageNote  = regexp.MustCompile(`(?s)<!--.*?-->|/\*.*?\*/`)
	notRules  = []string{"U0", "S3"} // what looks like a code in a comment and is none
	codeFiles = []string{".go", ".sql", ".ts", ".svelte", ".sh"}
)

// TestRulesAreWhatCommentsCite holds the table of rules to the tree: a code that a comment cites
// stands in it once, with what it says, and the tests that a line names exist.
func TestRulesAreWhatCommentsCite(t *testing.T) {
	page, err := os.ReadFile(rulesPage)
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]bool{}
	for _, row := range ruleRow.FindAllStringSubmatch(string(page), -1) {
		if rules[row[1]] {
			t.Errorf("%s: rule %s has two lines", rulesPage, row[1])
		}
		rules[row[1]] = true
		checkNamedTests(t, row[1], row[3])
	}
	if len(rules) < 50 {
		t.Fatalf("%s: only %d rules were read: each is a line `| CODE | what it says | tests |`", rulesPage, len(rules))
	}
	for code, where := range citedCodes(t) {
		if !rules[code] && !slices.Contains(notRules, code) {
			t.Errorf("%s cites %s, which is no line `| %s | what it says | tests |` in %s", where, code, code, rulesPage)
		}
	}
	for _, code := range ruleCode.FindAllString(string(page), -1) {
		if !rules[code] && !slices.Contains([]string{"T5", "T8", "T10", "S3"}, code) {
			t.Errorf("%s speaks of %s and has no line for it", rulesPage, code)
		}
	}
}

// checkNamedTests reads a list of tests as "`TestA`, `TestB` in package, `TestC` in other".
func checkNamedTests(t *testing.T, rule, list string) {
	t.Helper()
	var names []string
	named := 0
	for _, m := range testName.FindAllStringSubmatch(list, -1) {
		if m[1] != "" {
			names = append(names, m[1])
			named++
			continue
		}
		if len(names) == 0 {
			continue // words
		}
		have := testsOf(t, m[2])
		for _, name := range names {
			if !slices.Contains(have, name) {
				t.Errorf("%s: rule %s names %s in %s: there is no such test", rulesPage, rule, name, m[2])
			}
		}
		names = nil
	}
	if named == 0 || len(names) > 0 {
		t.Errorf("%s: rule %s: write tests as \"`TestName` in package\" (no package after %v)", rulesPage, rule, names)
	}
}

// testsOf lists the tests of a package, given below internal or as test/….
func testsOf(t *testing.T, pkg string) (names []string) {
	t.Helper()
	dir := filepath.Join("internal", pkg)
	if pkg == "test" || strings.HasPrefix(pkg, "test/") || strings.HasPrefix(pkg, "cmd/") {
		dir = pkg
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
			names = append(names, m[1])
		}
	}
	return names
}

// citedCodes finds the codes in the comments of the tree, and a file that cites each.
func citedCodes(t *testing.T) map[string]string {
	t.Helper()
	cited := map[string]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{"node_modules", "dist", "testdata", ".git", "bin"}, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !slices.Contains(codeFiles, filepath.Ext(path)) || path == "rules_test.go" {
			return nil
		}
		for _, code := range ruleCode.FindAllString(comments(t, path), -1) {
			cited[code] = path
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return cited
}

// comments gives the comments of a file.
func comments(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if filepath.Ext(path) != ".go" {
		for _, line := range strings.Split(string(text), "\n") {
			b.WriteString(lineNote.FindString(line) + "\n")
		}
		for _, note := range pageNote.FindAllString(string(text), -1) {
			b.WriteString(note + "\n")
		}
		return b.String()
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range f.Comments {
		b.WriteString(group.Text() + "\n")
	}
	return b.String()
}
