package disk

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

// plate is a disk of a size of which others take some.
type plate struct {
	dir          string
	size, others uint64
}

func (p *plate) space(string) (free, size uint64, err error) {
	taken := p.others
	if info, err := os.Stat(filepath.Join(p.dir, ballastName)); err == nil {
		taken += uint64(info.Size())
	}
	return p.size - min(taken, p.size), p.size, nil
}

func roomOn(t *testing.T, size uint64, reserve int64) (*Room, *plate, *bytes.Buffer) {
	t.Helper()
	p, said := &plate{dir: t.TempDir(), size: size}, &bytes.Buffer{}
	r, err := open(p.dir, reserve, slog.New(slog.NewTextHandler(said, nil)), p.space)
	if err != nil {
		t.Fatal(err)
	}
	return r, p, said
}

func TestTheReserveIsSaneOnEveryDisk(t *testing.T) {
	const mib, gib = 1 << 20, 1 << 30
	for _, k := range []struct {
		size    uint64
		reserve int64
		most    uint64 // of an upload
	}{
		{60 * mib, 0, 54 * mib},
		{10 * gib, 0, 9 * gib},
		{15 * gib, 0, 14 * gib},
		{100 * gib, 0, 95 * gib},
		{10 * gib, 3 * gib, 7 * gib},
		{10 * gib, -1, 10*gib - 8*mib},
		{1 * gib, 2 * gib, 0},
	} {
		t.Run(fmt.Sprint(k.size, " ", k.reserve, " ", k.most), func(t *testing.T) {
			r, _, _ := roomOn(t, k.size, k.reserve)
			if err := r.Fits(k.most); err != nil && k.most > 0 {
				t.Errorf("%d of %d bytes, reserve %d: %v", k.most, k.size, k.reserve, err)
			}
			if err := r.Fits(k.most + mib); groupcast.ErrorCode(err) != groupcast.EExhausted ||
				!strings.Contains(err.Error(), "full") {
				t.Errorf("%d of %d bytes, reserve %d: %v, want that it does not fit", k.most+mib, k.size, k.reserve, err)
			}
		})
	}
}

func TestTheBallastGoesStepByStepAndComesBack(t *testing.T) {
	r, p, said := roomOn(t, 160<<20, 0)
	if info, err := os.Stat(r.path()); err != nil || info.Size() != ballastMost {
		t.Fatalf("no ballast: %v", err)
	}
	p.others = p.size - ballastMost // full
	r.Look()
	if r.State() == "" || !strings.Contains(said.String(), "the server's disk is full") {
		t.Errorf("a full disk goes unsaid: %q", said)
	}
	if r.Holds(1) == nil {
		t.Error("the ballast was promised to a manifest")
	}
	for i := range steps {
		before, _, _ := p.space("")
		if !r.Release() {
			t.Fatalf("step %d: there was nothing left", i)
		}
		if after, _, _ := p.space(""); after-before != ballastMost/steps {
			t.Errorf("step %d gave %d bytes", i, after-before)
		}
	}
	if r.Release() {
		t.Error("there is more ballast than there was")
	}
	again, err := open(p.dir, 0, nil, p.space) // a start while the disk is full
	if err != nil || again.State() == "" {
		t.Errorf("%v, %q", err, again.State())
	}
	p.others = 0
	r.Look()
	if info, err := os.Stat(r.path()); err != nil || info.Size() != ballastMost || r.State() != "" ||
		!strings.Contains(said.String(), "room again") {
		t.Errorf("%v, %q, %q: the ballast did not come back", err, r.State(), said)
	}
}

func TestAStartOnAFullDiskLetsTheDatabaseOpen(t *testing.T) {
	_, p, _ := roomOn(t, 160<<20, 0)
	p.others = p.size - ballastMost
	if _, err := open(p.dir, 0, nil, p.space); err != nil {
		t.Fatal(err)
	}
	if free, _, _ := p.space(""); free < 256<<10 {
		t.Errorf("%d bytes are free for a database", free)
	}
}
