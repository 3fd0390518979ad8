package httpapi

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/problems"
)

// Every code that some part of the program answers is in the table, and the table has no other.
func TestEveryCodeIsInTheTable(t *testing.T) {
	values := codeNames(t)
	used := usedCodes(t, values)
	for name := range used {
		if k := problems.Of(values[name]); k.Code != values[name] {
			t.Errorf("groupcast.%s (%q) is used and not in problemKinds", name, values[name])
		}
	}
	seen := map[groupcast.Code]bool{}
	for _, k := range problems.Kinds {
		if seen[k.Code] {
			t.Errorf("%s is there twice", k.Code)
		}
		seen[k.Code] = true
		if k.Status < 400 || k.Status > 599 || k.Title == "" || !strings.HasSuffix(k.Do, ".") {
			t.Errorf("%+v", k)
		}
	}
	for name, code := range values {
		if !used[name] || !seen[code] {
			t.Errorf("groupcast.%s (%q): used %v, in the table %v", name, code, used[name], seen[code])
		}
		delete(seen, code)
	}
	if len(seen) > 0 {
		t.Errorf("no code of the root package: %v", slices.Collect(maps.Keys(seen)))
	}
}

// codeNames are the constants of type groupcast.Code.
func codeNames(t *testing.T) map[string]groupcast.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]groupcast.Code{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || fmt.Sprint(spec.Type) != "Code" {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		out[spec.Names[0].Name] = groupcast.Code(text)
		return false
	})
	if len(out) < 13 {
		t.Fatalf("found %v", out)
	}
	return out
}

// usedCodes are the constants that the program's sources name outside of this table and their declaration.
func usedCodes(t *testing.T, values map[string]groupcast.Code) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	name := regexp.MustCompile(`\b(groupcast\.)?(E[A-Z]\w+)\b`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"node_modules", ".git", "web", "test"}, d.Name()):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"),
			d.Name() == "problems.go", path == filepath.Join("..", "..", "error.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		root := filepath.Dir(path) == filepath.Join("..", "..")
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			if _, is := values[m[2]]; is && (m[1] != "" || root) {
				out[m[2]] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The document and the page for people list the same kinds as the table.
func TestTheTableOfProblemsIsDocumented(t *testing.T) {
	var doc struct {
		Kinds []problems.Kind `json:"x-groupcast-problems"`
		Info  struct{ Description string }
	}
	res := ask(testHandler(newFake()), "GET", "/api/v1/openapi.json", "", "")
	if err := json.Unmarshal(res.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(doc.Kinds, problems.Kinds) {
		t.Errorf("the document has %+v", doc.Kinds)
	}
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, k := range problems.Kinds {
		if in := fmt.Sprintf("%s (%d)", k.Code, k.Status); !strings.Contains(doc.Info.Description, in) {
			t.Errorf("the document's description lacks %s", in)
		}
		want = append(want, fmt.Sprintf("| `%s` | %d | %s | %s |", k.Code, k.Status, k.Title, k.Do))
	}
	if !strings.Contains(string(page), strings.Join(want, "\n")+"\n\n") {
		t.Errorf("docs/api.md has another table; it should be\n%s", strings.Join(want, "\n"))
	}
}

// What huma and net/http raise has a kind, too, with the status of that kind.
func TestEveryStatusHasAKind(t *testing.T) {
	for status, want := range map[int]groupcast.Code{
		400: "invalid", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "invalid",
		406: "invalid", 408: "invalid",
		409: "conflict", 412: "changed", 413: "too_large", 415: "media_type", 422: "invalid",
		429: "exhausted", 500: "internal",
		502: "internal",
	} {
		if k := problems.OfStatus(status); k.Code != want {
			t.Errorf("%d is %s, want %s", status, k.Code, want)
		}
	}
}
