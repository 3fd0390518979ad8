package complete

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
)

func TestWhatAWordStandsFor(t *testing.T) {
	for _, c := range []struct {
		noun, verb, word string
		kinds            int
	}{
		{"group", "show", "NAME", 1},
		{"group", "create", "NAME", 0},
		{"user", "delete", "NAME", 1},
		{
			"user", "add", "NAME",
			0,
		},
		{"member", "add", "GROUP", 1},
		{"groupcast", "check", "GROUP|USER|USER/DEVICE", 3},
		{
			"transfer", "drop",
			"USER[/DEVICE]", 2,
		},
		{"transfer", "show", "ID", 1},
		{"device", "label", "KEY=VALUE|KEY-", 2},
		{"pending", "remove", "ID", 1},
		{"upload", "delete", "ID", 1},
		{
			"logins", "end", "ID",
			0,
		},
		{"groupcast", "login", "https://HOST:PORT", 0},
	} {
		t.Run(c.noun+" "+c.verb, func(t *testing.T) {
			if got := Kinds(c.noun, c.verb, c.word); len(got) != c.kinds {
				t.Errorf("%d kinds of names, want %d", len(got), c.kinds)
			}
		})
	}
}

func TestNames(t *testing.T) {
	many := func(context.Context, *apiclient.Client) ([]string, error) {
		var all []string
		for i := range 2 * most {
			all = append(all, fmt.Sprintf("pc-%d", i))
		}
		return all, nil
	}
	two := func(context.Context, *apiclient.Client) ([]string, error) {
		return []string{"ann\tadmin", "bob\t"}, nil
	}
	broken := func(context.Context, *apiclient.Client) ([]string, error) { return nil, errors.New("no server") }
	slow := func(ctx context.Context, _ *apiclient.Client) ([]string, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if got := Names(t.Context(), nil, []Kind{two, two}, "a"); !slices.Equal(got, []string{"ann\tadmin", "ann\tadmin"}) {
		t.Errorf("%q", got)
	}
	if got := Names(t.Context(), nil, []Kind{many}, "pc"); len(got) != most {
		t.Errorf("%d names, %d at most", len(got), most)
	}
	if got := Names(t.Context(), nil, []Kind{broken}, ""); got != nil {
		t.Errorf("%q", got)
	}
	began := time.Now()
	if got := Names(t.Context(), nil, []Kind{slow}, ""); got != nil || time.Since(began) > 20*Patience {
		t.Errorf("%q after %s", got, time.Since(began))
	}
}

// A name from elsewhere cannot become two completions, or steer the terminal.
func TestNamesThatAreLeftOut(t *testing.T) {
	rows := []groupcast.Group{{Name: "a\nb"}, {Name: "ok", Description: "x"}, {Name: "c", Description: "\x1b[2J"}}
	got, err := rowsOf(rows, nil, func(g groupcast.Group) (string, string) { return g.Name, g.Description })
	if err != nil || !slices.Equal(got, []string{"ok\tx"}) {
		t.Errorf("%q, %v", got, err)
	}
}
