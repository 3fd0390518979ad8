package spool_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

func newLookingLife(t *testing.T, older, newer map[string][]byte) *lookingLife {
	l := &lookingLife{
		paged: deltaOf(t, 4, newer), disk: spooltest.NewDisk(rand.New(rand.NewPCG(1, 1))), ledger: spooltest.NewLedger(),
	}
	l.bring(t, pagedOf(t, 1, older, nil, folderAndLink...))
	return l
}

// fill leaves so many bytes free on the disk.
func (l *lookingLife) fill(t *testing.T, free uint64) {
	t.Helper()
	l.disk.Capacity = 1 << 40
	left, size, err := l.disk.Free()
	must(t, err)
	l.disk.Capacity = size - left + free
}

// What lies there already needs no room: a full disk takes a tree that it has. What it does not have is refused once
// that is known, and nothing that is there is touched.
func TestALookNeedsRoomForWhatIsNotThere(t *testing.T) {
	files := pagedFiles()
	same := newLookingLife(t, files, files)
	same.fill(t, 300_000)
	s, err := same.open()
	must(t, err)
	g, lacks := same.looked(t, s)
	if len(lacks) > 0 {
		t.Errorf("blocks %v have to come", lacks)
	}
	_, out := same.receive(t, g)
	for path, o := range out {
		if o.Result != spool.AlreadyHad {
			t.Errorf("%s: %+v", path, o)
		}
	}

	changed := pagedFiles()
	changed["big"] = noise(1<<20+5000, 77)
	other := newLookingLife(t, files, changed)
	other.fill(t, 300_000)
	var r *spool.Refused
	if err := other.look(t); !errors.As(err, &r) || r.Kind != groupcast.RefusedSpace || r.Need < 1<<20 {
		t.Fatalf("a file that changed wholly fits: %v", err)
	}
	if have := other.disk.Files("lab")["lab/big"]; !bytes.Equal(have, files["big"]) {
		t.Error("the older version is gone")
	}
	other.disk.Capacity = 0
	s, err = other.open()
	must(t, err)
	g, lacks = other.looked(t, s)
	if len(lacks) != len(other.blocksOf(t, "big")) {
		t.Errorf("blocks %v have to come", lacks)
	}
	other.receive(t, g)
	if have := other.disk.Files("lab")["lab/big"]; !bytes.Equal(have, changed["big"]) {
		t.Error("the newer version is not there")
	}
}

// A disk that is full, at whatever operation of a look, ends the look with its kind, and with room again it goes on.
func TestAFullDiskEndsALook(t *testing.T) {
	older, files := pagedFiles(), pagedFiles()
	files["renamed"] = files["big"]
	delete(files, "big")
	files["holes"] = bytes.Clone(files["holes"])
	files["holes"][5]++
	failed := 0
	for n := 0; ; n += 7 {
		l := newLookingLife(t, older, files)
		left := n
		l.disk.EachStep = func() {
			if left--; left < 0 {
				l.disk.Sick = &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
			}
		}
		err := l.look(t)
		l.disk.EachStep, l.disk.Sick = nil, nil
		if left >= 0 {
			must(t, err)
			break
		}
		failed++
		var sick *spool.DiskError
		if err != nil && (!errors.As(spool.Hindrance(err), &sick) || sick.Kind != spool.DiskSpace) {
			t.Fatalf("after %d operations: %v", n, err)
		}
		if err := l.look(t); err != nil {
			t.Fatalf("after %d operations, with room again: %v", n, err)
		}
		for name, data := range files {
			if !bytes.Equal(l.disk.Files("lab")["lab/"+name], data) {
				t.Fatalf("after %d operations: %s is not there", n, name)
			}
		}
	}
	if failed < 10 {
		t.Errorf("%d times only", failed)
	}
}

// What a user changes after the look, and before the files come to their names, stays theirs.
func TestAFileIsEditedAfterTheLook(t *testing.T) {
	dir := t.TempDir()
	s := openPaged(t, dir, spooltest.NewLedger())
	at := func(name string) string { return filepath.Join(dir, "lab", name) }
	old := map[string][]byte{"edited": noise(3<<20, 1), "source": noise(2<<20, 2), "had": noise(2<<20, 3)}
	delivered(t, 2, s, old)
	newer := map[string][]byte{"edited": bytes.Clone(old["edited"]), "copy": old["source"], "had": old["had"]}
	newer["edited"][700_000]++
	p := deltaOf(t, 4, newer)
	g, lacks := p.looked(t, s)
	if len(lacks) != 1 {
		t.Errorf("blocks %v have to come", lacks)
	}
	for _, name := range []string{"edited", "source"} {
		must(t, os.WriteFile(at(name), []byte("mine"), 0o600))
	}
	out := p.finish(t, g, filepath.Join(dir, "lab"))
	if o := out["edited"]; o.Result != spool.KeptBoth || o.Name == "edited" {
		t.Errorf("what was edited: %+v", o)
	}
	if o := out["had"]; o.Result != spool.AlreadyHad {
		t.Errorf("what was there: %+v", o)
	}
	for _, name := range []string{"edited", "source"} {
		if mine, err := os.ReadFile(at(name)); err != nil || string(mine) != "mine" {
			t.Errorf("%s is %d bytes now, %v", name, len(mine), err)
		}
	}
}
