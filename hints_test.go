package groupcast_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// offTheWeb are the packages and files whose hints no browser shows: they answer whoever types a
// command, starts the server or runs a receiver.
var offTheWeb = []string{
	"internal/apiclient", "internal/backup", "internal/cli", "internal/daemon", "internal/device", "internal/home",
	"internal/inspect", "internal/menu", "internal/pki", "internal/proof", "internal/terminal", "internal/ui",
	"internal/verify", "internal/watch", "internal/relay", "internal/relaycli",
	"internal/relayproto/code.go",
	"internal/listen",           // the server starts
	"internal/server/copies.go", // a receiver with a copied home
	"internal/presence/agents.go",
}

var command = regexp.MustCompile("groupcast [a-z]|--[a-z]|`[a-z]+ [a-z]+")

// Hints travel in the API's errors to every client, so they name no command and no flag of the command
// line: a step (groupcast.Next) does, and internal/ui has its command.
func TestHintsOfTheAPINameNoCommand(t *testing.T) {
	seen := 0
	var files []string
	for _, pkg := range tree(".").packages() {
		if !generated(pkg) && !strings.HasPrefix(pkg, "test") && !strings.HasPrefix(pkg, "bench") {
			files = append(files, tree(".").sources(pkg)...)
		}
	}
	for _, file := range files {
		if slices.ContainsFunc(offTheWeb, func(off string) bool {
			return file == off || strings.HasPrefix(file, off+"/")
		}) {
			continue
		}
		for _, hint := range hintsIn(t, file) {
			seen++
			if command.MatchString(hint) {
				t.Errorf("%s: the hint %s names a command: say it in words and add WithNext", file, hint)
			}
		}
	}
	if seen < 80 {
		t.Errorf("%d hints were looked at, at least 80 were expected", seen)
	}
}

// hintsIn gives the literals that a file passes to WithHint, and those of fields named Hint.
func hintsIn(t *testing.T, file string) (hints []string) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	add := func(e ast.Expr) {
		ast.Inspect(e, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				hints = append(hints, lit.Value)
			}
			return true
		})
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "WithHint" {
				for _, arg := range n.Args {
					add(arg)
				}
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Hint" {
				add(n.Value)
			}
		}
		return true
	})
	return hints
}
