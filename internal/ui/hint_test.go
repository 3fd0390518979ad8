package ui

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

func TestHint(t *testing.T) {
	hinted := func() *groupcast.Error { return groupcast.Errorf(groupcast.EConflict, "no").WithHint("retry it") }
	for _, c := range []struct {
		name string
		err  *groupcast.Error
		want string
	}{
		{"no step", hinted(), "retry it"},
		{
			"a step", hinted().WithNext(groupcast.Next{Step: groupcast.StepRetry, Transfer: 7}),
			"retry it with `groupcast transfer retry 7`",
		},
		{"a step of a later version", hinted().WithNext(groupcast.Next{Step: "dance"}), "retry it"},
		{
			"a step with a group", hinted().WithNext(groupcast.Next{Step: groupcast.StepSendAgain, Group: "lab"}),
			"send the files again: `groupcast send lab PATH`",
		},
		{
			"a step with a group that is not known", hinted().WithNext(groupcast.Next{Step: groupcast.StepSendAgain}),
			"send the files again: `groupcast send GROUP PATH`",
		},
		{"neither", groupcast.Errorf(groupcast.EConflict, "no"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Hint(c.err); got != c.want {
				t.Errorf("%q, not %q", got, c.want)
			}
		})
	}
}

// Every step that the API may name has its words on the command line.
func TestEveryStepHasACommand(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../../nextstep.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 {
			return true
		}
		step, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		steps++
		words := command(groupcast.Next{Step: groupcast.Step(step), Transfer: 7, Group: "lab", User: "ann"})
		if words == "" || strings.Contains(words, "%!") {
			t.Errorf("%s: %q", step, words)
		}
		return true
	})
	if steps < 20 {
		t.Errorf("%d steps were found", steps)
	}
}
