package spool_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// lab is a folder of a group on the real disk, with its ledger.
type lab struct {
	t   *testing.T
	dir string
	l   *spooltest.Ledger
	s   *spool.Spool
}

func newLab(t *testing.T) *lab {
	dir, l := t.TempDir(), spooltest.NewLedger()
	return &lab{t, dir, l, open(t, dir, l)}
}

func (l *lab) at(name string) string { return filepath.Join(l.dir, "lab", name) }

func (l *lab) send(no protocol.TransferNo, files map[string]string, extra ...manifest.File) []spool.Outcome {
	l.t.Helper()
	tree := map[string][]byte{}
	for name, text := range files {
		tree[name] = []byte(text)
	}
	return deliver(l.t, l.s, no, makeTransfer(l.t, tree, extra...))
}

func (l *lab) do(errs ...error) {
	l.t.Helper()
	if err := errors.Join(errs...); err != nil {
		l.t.Fatal(err)
	}
}

// has compares all that lies there: a file is its content, a folder "/", a link "→" and its target.
func (l *lab) has(want map[string]string) {
	l.t.Helper()
	have := map[string]string{}
	l.do(filepath.WalkDir(l.at(""), func(p string, d os.DirEntry, err error) error {
		name, _ := filepath.Rel(l.at(""), p)
		switch {
		case err != nil || name == ".":
			return err
		case d.IsDir():
			have[name] = "/"
		case d.Type()&os.ModeSymlink != 0:
			to, _ := os.Readlink(p)
			have[name] = "→" + to
		default:
			b, _ := os.ReadFile(p)
			have[name] = string(b)
		}
		return nil
	}))
	for name, what := range have {
		if want[name] != what {
			l.t.Errorf("%s is %q, want %q", name, what, want[name])
		}
	}
	for name := range want {
		if _, there := have[name]; !there {
			l.t.Errorf("%s is not there", name)
		}
	}
}

func results(out []spool.Outcome) map[string]spool.Result {
	got := map[string]spool.Result{}
	for _, o := range out {
		got[o.Path] = o.Result
	}
	return got
}

// A new time is no edit: touched, restored from a backup, shifted by a file system.
func TestANewTimeIsNoEdit(t *testing.T) {
	l := newLab(t)
	l.send(1, map[string]string{"f": "one", "g": "g"})
	l.do(os.Chtimes(l.at("f"), time.Now(), time.Now()), os.Chtimes(l.at("g"), time.Unix(1, 0), time.Unix(1, 0)))
	l.send(2, map[string]string{"f": "two", "g": "g"})
	l.has(map[string]string{"f": "two", "g": "g"})
	l.do(os.WriteFile(l.at("f"), []byte("owt"), 0o644)) // an edit of the same length
	l.send(3, map[string]string{"f": "three"})
	l.has(map[string]string{"f": "owt", "f (groupcast 3)": "three", "g": "g"})
}

// A receiver that lost its home adopts what it finds identical: the next version replaces it.
func TestALostLedgerAdoptsWhatIsIdentical(t *testing.T) {
	l := newLab(t)
	link := manifest.File{Kind: manifest.KindSymlink, Path: "link", Target: "f", Size: 1, Mode: 0o777}
	l.send(1, map[string]string{"f": "one", "d/g": "g"}, link)
	*l.l = *spooltest.NewLedger()
	if out := results(l.send(2, map[string]string{"f": "one", "d/g": "g"}, link)); out["f"] != spool.Committed ||
		out["link"] != spool.AlreadyHad {
		t.Errorf("%v", out)
	}
	link.Target = "d"
	l.send(3, map[string]string{"f": "two", "d/g": "h"}, link)
	l.has(map[string]string{"f": "two", "d": "/", "d/g": "h", "link": "→d"})
}

// With leave to do so, what lies there is looked at before anything is fetched.
func TestAdoptBeforeFetching(t *testing.T) {
	l := newLab(t)
	l.send(1, map[string]string{"f": "one", "d/g": "g"})
	s, err := spool.Open(spool.Config{Dir: l.dir, Group: "lab", Ledger: spooltest.NewLedger(), Reserve: -1, Adopt: true})
	l.do(err)
	defer s.Close()
	g, err := s.Stage(t.Context(), 2, makeTransfer(t, map[string][]byte{"f": []byte("one"), "d/g": []byte("g")}).layout)
	l.do(err)
	defer g.Close()
	if g.Missing() != 0 || !g.Done() || g.Outcomes()[0].Result != spool.AlreadyHad {
		t.Errorf("%d blocks missing, %+v", g.Missing(), g.Outcomes())
	}
}

// A name that was lost to an edit is taken back when the edit is gone, with a new version or
// the same one again.
func TestANameIsTakenBack(t *testing.T) {
	for what, free := range map[string]func(l *lab){
		"gone":                     func(l *lab) { l.do(os.Remove(l.at("f"))) },
		"the edit undone":          func(l *lab) { l.do(os.WriteFile(l.at("f"), []byte("one"), 0o644)) },
		"the delivered one copied": func(l *lab) { l.do(os.WriteFile(l.at("f"), []byte("two"), 0o644)) },
	} {
		for _, next := range []string{"two", "three"} {
			t.Run(what+", then "+next, func(t *testing.T) {
				l := newLab(t)
				l.send(1, map[string]string{"f": "one"})
				l.do(os.WriteFile(l.at("f"), []byte("mine"), 0o644))
				l.send(2, map[string]string{"f": "two"})
				l.has(map[string]string{"f": "mine", "f (groupcast 2)": "two"})
				free(l)
				l.send(3, map[string]string{"f": next})
				l.has(map[string]string{"f": next})
				l.send(4, map[string]string{"f": "four"})
				l.has(map[string]string{"f": "four"})
			})
		}
	}
	t.Run("what is to come lies there", func(t *testing.T) {
		l := newLab(t)
		l.send(1, map[string]string{"f": "one"})
		l.do(os.WriteFile(l.at("f"), []byte("mine"), 0o644))
		l.send(2, map[string]string{"f": "two"})
		l.do(os.WriteFile(l.at("f"), []byte("three"), 0o644))
		l.send(3, map[string]string{"f": "three"})
		l.has(map[string]string{"f": "three"})
	})
	t.Run("the edit undone after more versions", func(t *testing.T) {
		l := newLab(t)
		l.send(1, map[string]string{"f": "one"})
		l.do(os.WriteFile(l.at("f"), []byte("mine"), 0o644))
		l.send(2, map[string]string{"f": "two"})
		l.send(3, map[string]string{"f": "three"})
		l.do(os.WriteFile(l.at("f"), []byte("one"), 0o644))
		l.send(4, map[string]string{"f/g": "now a folder"})
		l.has(map[string]string{"f": "/", "f/g": "now a folder", "f (groupcast 2)": "three"})
	})
	t.Run("the edit undone, then its folder becomes a file", func(t *testing.T) {
		l := newLab(t)
		l.send(1, map[string]string{"d/f": "one"})
		l.do(os.WriteFile(l.at("d/f"), []byte("mine"), 0o644))
		l.send(2, map[string]string{"d/f": "two"})
		l.do(os.WriteFile(l.at("d/f"), []byte("one"), 0o644))
		l.send(3, map[string]string{"d": "now a file"})
		l.has(map[string]string{"d": "now a file"})
	})
	t.Run("the copy beside was edited, too", func(t *testing.T) {
		l := newLab(t)
		l.send(1, map[string]string{"f": "one"})
		l.do(os.WriteFile(l.at("f"), []byte("mine"), 0o644))
		l.send(2, map[string]string{"f": "two"})
		l.do(os.WriteFile(l.at("f (groupcast 2)"), []byte("mine, too"), 0o644), os.Remove(l.at("f")))
		l.send(3, map[string]string{"f": "three"})
		l.has(map[string]string{"f": "three", "f (groupcast 2)": "mine, too"})
	})
}

// state is one state of the path "p" in a transfer.
type state struct {
	files map[string]string
	extra []manifest.File
	lies  map[string]string
}

func states() map[string]state {
	folder := func(p string) manifest.File { return manifest.File{Kind: manifest.KindFolder, Path: p, Mode: 0o755} }
	return map[string]state{
		"file": {files: map[string]string{"p": "a file"}, lies: map[string]string{"p": "a file"}},
		"link": {
			extra: []manifest.File{{Kind: manifest.KindSymlink, Path: "p", Target: "q", Size: 1, Mode: 0o777}},
			lies:  map[string]string{"p": "→q"},
		},
		"empty folder": {extra: []manifest.File{folder("p")}, lies: map[string]string{"p": "/"}},
		"folder": {
			files: map[string]string{"p/a": "a", "p/b/c": "c"},
			extra: []manifest.File{
				folder("p"), folder("p/b"), folder("p/e"),
				{Kind: manifest.KindSymlink, Path: "p/l", Target: "a", Size: 1, Mode: 0o777},
			},
			lies: map[string]string{"p": "/", "p/a": "a", "p/b": "/", "p/b/c": "c", "p/e": "/", "p/l": "→a"},
		},
	}
}

// What groupcast delivered becomes something else in every way there is: an ordinary update.
func TestEveryChangeOfKindIsCarriedOut(t *testing.T) {
	for from, a := range states() {
		for to, b := range states() {
			t.Run(from+" to "+to, func(t *testing.T) {
				l := newLab(t)
				for no, s := range []state{a, b, a} {
					for _, o := range l.send(protocol.TransferNo(no+1), s.files, s.extra...) {
						if o.Result == spool.Rejected || o.Result == spool.KeptBoth {
							t.Errorf("%s: %+v", o.Path, o)
						}
					}
				}
				if from == "folder" || to != "folder" {
					l.has(a.lies)
				}
				if out := l.send(2, b.files, b.extra...); from != to {
					for _, o := range out {
						if _, both := a.lies[o.Path]; o.Result != spool.Superseded && both {
							t.Errorf("the older one came again: %+v", o)
						}
					}
				}
			})
		}
	}
}

// What a user put where a change of kind is to happen stays, and every entry that it keeps from
// its name says so.
func TestAChangeOfKindRemovesNothingOfTheUser(t *testing.T) {
	for _, c := range []struct {
		what     string
		from, to string
		edit     func(l *lab)
		keeps    map[string]string
		rejected []string
	}{
		{
			"a file of theirs in the folder", "folder", "file",
			func(l *lab) { l.do(os.WriteFile(l.at("p/b/mine"), []byte("m"), 0o644)) },
			map[string]string{"p": "/", "p/a": "a", "p/b": "/", "p/b/c": "c", "p/b/mine": "m", "p/e": "/", "p/l": "→a"},
			[]string{"p"},
		},
		{
			"an edit in the folder", "folder", "link", func(l *lab) { l.do(os.WriteFile(l.at("p/a"), []byte("m"), 0o644)) },
			map[string]string{"p": "/", "p/a": "m", "p/b": "/", "p/b/c": "c", "p/e": "/", "p/l": "→a"},
			[]string{"p"},
		},
		{
			"an edited file", "file", "folder", func(l *lab) { l.do(os.WriteFile(l.at("p"), []byte("mine"), 0o644)) },
			map[string]string{"p": "mine"},
			[]string{"p", "p/a", "p/b", "p/b/c", "p/e", "p/l"},
		},
		{
			"a link of theirs", "link", "folder", func(l *lab) { l.do(os.Remove(l.at("p")), os.Symlink("x", l.at("p"))) },
			map[string]string{"p": "→x"},
			[]string{"p", "p/a", "p/b", "p/b/c", "p/e", "p/l"},
		},
		{
			"a file of theirs for a link", "link", "link",
			func(l *lab) { l.do(os.Remove(l.at("p")), os.WriteFile(l.at("p"), []byte("x"), 0o644)) },
			map[string]string{"p": "x"},
			[]string{"p"},
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			l, all := newLab(t), states()
			l.send(1, all[c.from].files, all[c.from].extra...)
			c.edit(l)
			other := manifest.File{Kind: manifest.KindFolder, Path: "other", Mode: 0o755}
			var rejected []string
			for _, o := range l.send(2, all[c.to].files, append(all[c.to].extra, other)...) {
				if o.Result == spool.Rejected {
					rejected = append(rejected, o.Path)
					if o.Cause != spool.CauseInTheWay || o.Reason == "" {
						t.Errorf("%s: %q, %q", o.Path, o.Cause, o.Reason)
					}
				}
			}
			sort.Strings(rejected)
			if !slices.Equal(rejected, c.rejected) {
				t.Errorf("rejected: %q, want %q", rejected, c.rejected)
			}
			c.keeps["other"] = "/"
			l.has(c.keeps)
		})
	}
}
