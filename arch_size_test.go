package groupcast_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// How large things may get.
const (
	maxPackage  = 4000 // lines without tests
	maxFile     = 500  // lines
	maxFunction = 60   // lines
	maxLine     = 120  // characters, a tab counts as one
)

// largePackages are those that are larger still, with the lines that they may have: a number may
// only shrink, and goes with its line once the package fits.
var largePackages = map[string]int{}

// longFunctions are longer still; as above.
var longFunctions = map[string]int{
	"daemon.TestRestoreTakesWholeBackupsOnly": 79,
	"server.TestAServerThatWasSetBackStops":   71,
	"proof.TestEveryFieldCounts":              94,
	"manifest.TestHostileManifests":           67,
	"server.TestOverTheWire":                  61,
}

// longFiles are longer still; as above.
var longFiles = map[string]int{}

// longLines is how many lines of the whole tree are longer still: it may only shrink.
const longLines = 144

func noPackageIsTooLarge(tr tree) []string {
	m := meter{bound: maxPackage, allowed: largePackages}
	for _, pkg := range tr.packages() {
		n := 0
		for _, file := range tr.sources(pkg) {
			n += strings.Count(read(file), "\n")
		}
		if !generated(pkg) {
			m.measure(pkg, "", n)
		}
	}
	return m.broken(tr)
}

func noFileIsTooLong(tr tree) []string {
	m := meter{bound: maxFile, allowed: longFiles}
	tr.eachFile(func(pkg, file string) {
		m.measure(pkg+"/"+filepath.Base(file), "", strings.Count(read(file), "\n"))
	})
	return m.broken(tr)
}

func noFunctionIsTooLong(tr tree) []string {
	m := meter{bound: maxFunction, allowed: longFunctions}
	tr.eachFile(func(pkg, file string) {
		places := token.NewFileSet()
		f, err := parser.ParseFile(places, file, nil, 0)
		if err != nil {
			panic(err)
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok {
				n := places.Position(fn.End()).Line - places.Position(fn.Pos()).Line + 1
				m.measure(pkg+"."+fn.Name.Name, file, n)
			}
		}
	})
	return m.broken(tr)
}

func linesFitAScreen(tr tree) (broken []string) {
	tr.eachFile(func(_, file string) {
		for i, line := range strings.Split(read(file), "\n") {
			if n := utf8.RuneCountInString(line); n > maxLine {
				broken = append(broken, fmt.Sprintf("%s:%d has %d characters, not %d at most", file, i+1, n, maxLine))
			}
		}
	})
	switch n := len(broken); {
	case tr != ".":
		return broken
	case n > longLines:
		return []string{fmt.Sprintf("%d lines have more than %d characters, %d at most: wrap those that you touched", n,
			maxLine, longLines)}
	}
	return nil
}

// eachFile visits all files that people wrote.
func (tr tree) eachFile(visit func(pkg, file string)) {
	for _, pkg := range tr.packages() {
		if !generated(pkg) {
			for _, file := range tr.files(pkg) {
				visit(pkg, file)
			}
		}
	}
}

// meter holds sizes to a bound, or to what is allowed beyond it.
type meter struct {
	bound   int
	allowed map[string]int
	found   []string
	used    []string
}

func (m *meter) measure(name, file string, lines int) {
	if lines <= m.bound {
		return
	}
	m.used = append(m.used, name)
	if most := max(m.bound, m.allowed[name]); lines > most {
		m.found = append(m.found, strings.TrimSpace(fmt.Sprintf("%s has %d lines, %d at most %s", name, lines, most, file)))
	}
}

// broken also says which allowances nothing needs any more.
func (m *meter) broken(tr tree) []string {
	for name := range m.allowed {
		if tr == "." && !slices.Contains(m.used, name) {
			m.found = append(m.found, name+" is within its bound: take it off the list in arch_size_test.go")
		}
	}
	return m.found
}
