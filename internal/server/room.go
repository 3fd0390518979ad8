package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/groupcast/groupcast/internal/backup"
	"github.com/groupcast/groupcast/internal/disk"
)

// Room is what the server's disk has room for (*disk.Room).
type Room interface {
	Fits(bytes uint64) error  // beside the reserve: uploads, copies
	Holds(bytes uint64) error // out of the reserve: what the server itself keeps
	Look()
	State() string // in words; empty: there is room
}

var _ Room = (*disk.Room)(nil)

// anyRoom is a disk without a reserve.
type anyRoom struct{}

func (anyRoom) Fits(uint64) error  { return nil }
func (anyRoom) Holds(uint64) error { return nil }
func (anyRoom) Look()              {}
func (anyRoom) State() string      { return "" }

const lookAtDisk = 5 * time.Second

// watchRoom looks at the disk now and then until ctx ends.
func (s *Server) watchRoom(ctx context.Context) {
	tick := time.NewTicker(lookAtDisk)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.cfg.Room.Look()
		}
	}
}

// replacing are the small files that take the place of others.
const replacing = ".*.[0-9]*"

// sweepLeft removes what a server that was killed left in the middle of. The caller has the
// folder for itself.
func sweepLeft(dir string) error {
	for _, pattern := range append(backup.Leftovers(), replacing) {
		left, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return fmt.Errorf("looking for what was left: %w", err)
		}
		for _, path := range left {
			if err := os.RemoveAll(path); err != nil {
				return fmt.Errorf("removing what was left: %w", err)
			}
		}
	}
	return nil
}
