package spool_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// Of thousands of files that share one block the block is not gone through once for each: a look at a tree of tiny
// files would take hours.
func TestALookGoesThroughABlockOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("measures memory; the race detector drops shared buffers at random")
	}
	files := map[string][]byte{}
	const many = 5000 // more than are looked at together
	for i := range many {
		files[fmt.Sprintf("%04d", i)] = []byte{byte(i), byte(i >> 8)}
	}
	dir := t.TempDir()
	s := openPaged(t, dir, spooltest.NewLedger())
	delivered(t, 2, s, files)

	again := deltaOf(t, 4, files)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	g, lacks := again.looked(t, s)
	runtime.ReadMemStats(&after)
	if len(lacks) != 0 {
		t.Errorf("%d blocks are missing", len(lacks))
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 { // 4,000 times a list of 5,000 is more than 400 MB
		t.Errorf("looking took %d bytes of memory in all", n)
	}
	for _, o := range again.finish(t, g, filepath.Join(dir, "lab")) {
		if o.Path[0] == '0' && o.Result != spool.AlreadyHad {
			t.Fatalf("%+v", o)
		}
	}
}
