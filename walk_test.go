package groupcast_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

const walkPage = "docs/architecture.md"

var (
	walkName = regexp.MustCompile("`[^`]+`")
	goName   = regexp.MustCompile(`^[a-z][a-z0-9/]*(\.[A-Za-z]\w*){1,2}$`)
	webFile  = regexp.MustCompile(`^web/src/\S+\.(ts|svelte)$`)
)

// TestTheWalkOfAByteIsTheCode holds the walk in the architecture's page to the code: every function
// that it names exists, and where an arrow stands between two the first calls something of the name of the second.
func TestTheWalkOfAByteIsTheCode(t *testing.T) {
	walk := sectionOf(t, walkPage, "## The walk of a byte")
	functions, before, end, calls := functionsOf{}, "", 0, 0
	for _, at := range walkName.FindAllStringIndex(walk, -1) {
		name := walk[at[0]+1 : at[1]-1]
		arrow := strings.TrimSpace(walk[end:at[0]]) == "→"
		switch {
		case webFile.MatchString(name):
			if _, err := os.Stat(name); err != nil {
				t.Errorf("%s names %s: %v", walkPage, name, err)
			}
		case !goName.MatchString(name):
			t.Errorf("%s names %q, which is no function: write it as `package.function` or `package.Type.function`",
				walkPage, name)
		case functions.find(t, name) == nil:
			t.Errorf("%s names %s: there is no such function", walkPage, name)
		case arrow:
			calls++
			if caller := functions.find(t, before); caller != nil && !mentions(caller, name) {
				t.Errorf("%s says that %s calls %s: it does not", walkPage, before, name)
			}
		}
		before, end = name, at[1]
	}
	if calls < 50 {
		t.Errorf("only %d calls were found in the walk: are they still written as `a.b` → `c.d`?", calls)
	}
}

// sectionOf gives the text of a page below a heading, up to the next.
func sectionOf(t *testing.T, page, heading string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", page, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// functionsOf has the functions of packages that were looked into, as type.function or function.
type functionsOf map[string]map[string]*ast.FuncDecl

// find gives a function by its name with its package; nil: there is none.
func (f functionsOf) find(t *testing.T, name string) *ast.FuncDecl {
	t.Helper()
	pkg, function, _ := strings.Cut(name, ".")
	if f[pkg] == nil {
		f[pkg] = map[string]*ast.FuncDecl{}
		for _, file := range tree(".").sources(pkg) {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range parsed.Decls {
				if fn, ok := decl.(*ast.FuncDecl); ok {
					f[pkg][receiverOf(fn)+fn.Name.Name] = fn
				}
			}
		}
	}
	return f[pkg][function]
}

// receiverOf gives the type of a method with a point behind it.
func receiverOf(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return ""
	}
	of := fn.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if of, ok := of.(*ast.Ident); ok {
		return of.Name + "."
	}
	return ""
}

// mentions says whether a function uses the name of another.
func mentions(fn *ast.FuncDecl, name string) (found bool) {
	last := name[strings.LastIndexByte(name, '.')+1:]
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && id.Name == last
		return !found
	})
	return found
}
