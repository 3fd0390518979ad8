package spool_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// However many readers compare a tree, the same of it is found, and what was touched has its time and mode again.
func TestReadersFindTheSame(t *testing.T) {
	files := map[string][]byte{}
	for i := range 300 {
		files[fmt.Sprintf("%02d/%03d", i%7, i)] = noise(1+i*13, uint64(i))
	}
	files["large"] = noise(3*protocol.BlockSize+1, 1)
	type result struct {
		outcomes map[string]spool.Outcome
		lacks    []uint32
	}
	look := func(readers int) (r result) {
		dir := t.TempDir()
		s, err := spool.Open(spool.Config{
			Dir: dir, Group: "lab", Reserve: -1, Ledger: spooltest.NewLedger(), Readers: readers,
		})
		must(t, err)
		defer s.Close()
		delivered(t, 2, s, files)
		at := func(name string) string { return filepath.Join(dir, "lab", name) }
		must(t, os.Remove(at("00/007")))
		must(t, os.WriteFile(at("01/008"), noise(1+8*13, 200), 0o600)) // edited, of the same size
		must(t, os.Truncate(at("02/009"), 3))
		must(t, os.Chtimes(at("03/010"), time.Time{}, time.Unix(1, 0)))
		must(t, os.Chmod(at("03/010"), 0o600))
		must(t, os.Remove(at("04/011")))
		must(t, os.Symlink("018", at("04/011")))
		if runtime.GOOS != "windows" {
			must(t, os.Remove(at("05/012")))
			must(t, makeFIFO(at("05/012")))
		}
		p := deltaOf(t, 4, files)
		g, lacks := p.looked(t, s)
		r = result{p.finish(t, g, at("")), lacks}
		for _, name := range []string{"03/010", "03/017"} {
			fi, err := os.Lstat(at(name))
			must(t, err)
			if o := r.outcomes[name]; !fi.ModTime().Equal(o.MTime) || fi.ModTime().Year() < 2000 || fi.Mode().Perm() != o.Mode {
				t.Errorf("%d readers: %s has %v and %v: %+v", readers, name, fi.ModTime(), fi.Mode(), o)
			}
		}
		return r
	}
	one := look(1)
	for _, name := range []string{"00/007", "01/008", "02/009", "04/011"} {
		if one.outcomes[name].Result == spool.AlreadyHad {
			t.Errorf("%s: %+v", name, one.outcomes[name])
		}
	}
	if o := one.outcomes["06/013"]; o.Result != spool.AlreadyHad || len(one.lacks) == 0 {
		t.Errorf("%+v, lacks %v", o, one.lacks)
	}
	if many := look(8); !reflect.DeepEqual(one, many) {
		t.Errorf("one reader finds %v and lacks %v, eight find %v and lack %v", one.outcomes, one.lacks, many.outcomes,
			many.lacks)
	}
}
