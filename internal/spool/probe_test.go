package spool_test

import (
	"sync"
	"testing"

	"github.com/groupcast/groupcast/internal/spool"
)

// TestTransfersLookAtTheDiskAtOnce: several transfers that were refused look again at the same moment,
// each through a spool of its own. None of them finds a fault that another one's look has made.
func TestTransfersLookAtTheDiskAtOnce(t *testing.T) {
	dir, shared := t.TempDir(), spool.NewShared()
	var all sync.WaitGroup
	for range 8 {
		s, err := spool.Open(spool.Config{Dir: dir, Group: "lab", Reserve: -1, Shared: shared})
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			defer s.Close()
			for range 20 {
				if err := s.Works(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}
