package inspect_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/inspect"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
)

// known makes a folder that files went to.
func (w *world) known(dir string) {
	w.Helper()
	id, err := spool.Identify(dir)
	w.must(err)
	w.must(w.ledger.KeepFolder(w.Context(), dir, id))
}

func TestWhichFolderIsMeant(t *testing.T) {
	w := newWorld(t)
	quiet := func(string, int) func(inspect.Counts) { return func(inspect.Counts) {} }
	ask := func(dir, group string, server byte) (inspect.Comparison, error) {
		q := inspect.Question{Ledger: w.ledger, Dir: dir, Group: group, Fallback: w.dir, Tick: quiet}
		if server != 0 {
			q.Server = protocol.ServerID{server}
		}
		return inspect.Compare(t.Context(), q)
	}
	if _, err := ask("", "", 0); !errors.Is(err, inspect.ErrNothing) {
		t.Fatalf("nothing came yet: %v", err)
	}
	w.known(w.dir)
	if _, err := ask("", "", 0); !errors.Is(err, inspect.ErrNoGroup) {
		t.Fatalf("no group has anything yet: %v", err)
	}
	w.write("a", "one")
	w.deliver("a", "one", 1)
	w.write("mine", "not delivered")
	for _, c := range []struct {
		name, dir, group string
		server           byte
		fails            func(error) bool
	}{
		{"the only one", "", "", 0, nil},
		{"by name", w.dir, "", 1, nil},
		{"by name, and the group's", w.dir, "lab", 0, nil},
		{"the group's folder in it", filepath.Join(w.dir, "lab"), "", 0, nil},
		{
			"another group than the folder's", filepath.Join(w.dir, "lab"), "other", 0,
			func(err error) bool { return errors.Is(err, inspect.ErrTwoGroups) },
		},
		{"a group that has nothing", w.dir, "other", 0, func(err error) bool { return errors.Is(err, inspect.ErrNoGroup) }},
		{"of another server", w.dir, "", 9, func(err error) bool { return errors.Is(err, inspect.ErrNoGroup) }},
		{
			"where nothing came", t.TempDir(), "", 0,
			func(err error) bool { return groupcast.ErrorCode(err) == groupcast.ENotFound },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ask(c.dir, c.group, c.server)
			switch {
			case c.fails != nil && !c.fails(err):
				t.Errorf("%+v, %v", got, err)
			case c.fails == nil && (err != nil || got.Same != 1 || got.Other != 1 || got.Listed != 1 || got.Dir != w.dir):
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	w.known(t.TempDir())
	if got, err := ask("", "", 0); err != nil || got.Dir != w.dir {
		t.Errorf("of several the usual one is meant: %+v, %v", got, err)
	}
}
