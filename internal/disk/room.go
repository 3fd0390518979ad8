// Package disk knows how much room the server's disk has and keeps some of it. Two parts are
// kept: the reserve, which uploads and copies leave free; and the ballast, a file of a few MiB
// that is given back step by step when the disk is full all the same, so that removals,
// disabled accounts and receipts can still be written down.
package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/units"
)

const (
	ballastName = "ballast"
	ballastMost = 8 << 20 // bytes
	ballastPart = 16      // of the disk's size at most one part in so many
	steps       = 8       // in which the ballast is given back
	reserveMost = 10      // percent of the disk that the reserve takes by default, at most
	enough      = 2       // times the ballast must be free before it is taken again
)

// Room is the disk of one folder. It is safe for concurrent use.
type Room struct {
	dir     string
	reserve int64
	log     *slog.Logger
	space   func(dir string) (free, size uint64, err error)

	mu    sync.Mutex
	held  int64 // bytes of the ballast
	said  string
	whole int64 // what the ballast should have
}

// Open looks at the disk of dir and puts the ballast there. reserve is in bytes: 0 the larger
// of 1 GiB and 5 %, but no more than a tenth of the disk; negative none. A disk that is full is
// no error: then what there is of the ballast is given back.
func Open(dir string, reserve int64, log *slog.Logger) (*Room, error) {
	return open(dir, reserve, log, space)
}

func open(
	dir string, reserve int64, log *slog.Logger, space func(string) (free, size uint64, err error),
) (*Room, error) {
	r := &Room{dir: dir, reserve: reserve, log: log, space: space}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("look at the disk: %w", err)
	}
	free, size, err := r.space(dir)
	if err != nil {
		return nil, fmt.Errorf("look at the disk: %w", err)
	}
	r.whole = int64(min(ballastMost, size/ballastPart))
	if info, err := os.Lstat(r.path()); err == nil && info.Mode().IsRegular() {
		r.held = info.Size()
	}
	if free < uint64(r.whole/steps) {
		r.release() // a database cannot be opened without a byte
	}
	r.Look()
	return r, nil
}

func (r *Room) path() string { return filepath.Join(r.dir, ballastName) }

// look returns the bytes that are free and not claimed (the ballast counts as free), and how many of them
// uploads leave free on a disk of this size. The lock is held.
func (r *Room) look() (unclaimed, kept uint64, err error) {
	free, size, err := r.space(r.dir)
	if err != nil {
		return 0, 0, err
	}
	switch {
	case r.reserve > 0:
		kept = uint64(r.reserve)
	case r.reserve == 0:
		kept = min(max(1<<30, size/20), size*reserveMost/100)
	}
	return free + uint64(r.held), max(kept, uint64(r.whole)), nil
}

// Fits says in words why so many bytes more do not fit beside the reserve; nil if they do.
func (r *Room) Fits(bytes uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	unclaimed, kept, err := r.look()
	if err != nil || unclaimed >= kept && unclaimed-kept >= bytes {
		return nil // a disk that does not say how full it is says so when it is written to
	}
	return groupcast.Errorf(groupcast.EExhausted, "%s: it has %s free, keeps %s free, and this takes %s",
		full, units.FormatSize(unclaimed), units.FormatSize(kept), units.FormatSize(bytes)).
		WithHint("make room on the server's disk, or delete unfinished uploads").
		WithNext(groupcast.Next{Step: groupcast.StepUploads})
}

// Space says how many bytes a user other than root may still take on the disk of a folder, and how
// large that disk is.
func Space(dir string) (free, size uint64, err error) { return space(dir) }

// Fits says in words why so many bytes more do not fit on the disk of dir beside the usual
// reserve; nil if they do.
func Fits(dir string, bytes uint64) error {
	r := &Room{dir: dir, space: space}
	if unclaimed, kept, err := r.look(); err == nil && (unclaimed < kept || unclaimed-kept < bytes) {
		return groupcast.Errorf(groupcast.EExhausted, "%s: it has %s free, keeps %s free, and this takes %s",
			full, units.FormatSize(unclaimed), units.FormatSize(kept), units.FormatSize(bytes)).WithHint("make room there first")
	}
	return nil
}

// Holds is Fits for what the server itself must write: it may use the reserve, not the ballast.
func (r *Room) Holds(bytes uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	unclaimed, _, err := r.look()
	if err != nil || unclaimed >= uint64(r.whole)+bytes {
		return nil
	}
	return Full(fmt.Errorf("%d bytes are free and %d are needed", unclaimed, bytes))
}

// Release gives back a part of the ballast, for a write that found the disk full. It says
// whether there was any: then the write is worth another try.
func (r *Room) Release() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.release()
}

func (r *Room) release() bool {
	if r.held <= 0 {
		return false
	}
	left := max(0, r.held-max(r.whole/steps, 1))
	if err := os.Truncate(r.path(), left); err != nil {
		r.log.Error("the room kept for the database could not be given back", "err", err)
		r.held = 0
		return false
	}
	r.held = left
	return true
}

// Look takes the ballast again when there is room, and says in the log when the disk became
// full or has room again. It is called now and then.
func (r *Room) Look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	free, _, err := r.space(r.dir)
	if err != nil {
		return
	}
	if r.held < r.whole && free >= enough*uint64(r.whole) {
		r.refill()
	}
	r.tell()
}

// refill writes the ballast again. Its bytes are random, so that no file system keeps it in less.
func (r *Room) refill() {
	data := make([]byte, r.whole)
	rnd := rand.NewChaCha8([32]byte{1})
	_, _ = rnd.Read(data) // it never fails
	err := os.WriteFile(r.path(), data, 0o600)
	r.held = r.whole
	if err != nil {
		r.held = 0
		if err := os.Remove(r.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.log.Error("the room kept for the database could not be taken", "err", err)
		}
	}
}

// tell logs changes; the lock is held.
func (r *Room) tell() {
	now := r.state()
	switch {
	case now == r.said:
		return
	case now == "":
		r.log.Info("the disk has room again: uploads and copies go on")
	default:
		r.log.Warn(now)
	}
	r.said = now
}

// State says in words that the disk is full; empty: it has room.
func (r *Room) State() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state()
}

func (r *Room) state() string {
	unclaimed, kept, err := r.look()
	if err != nil || unclaimed >= kept && unclaimed > 0 {
		return ""
	}
	if unclaimed < uint64(max(r.whole, 1)) {
		return full + ": " + makeRoom
	}
	return fmt.Sprintf("%s: %s are left, which are kept; uploads and copies wait until there is room", full,
		units.FormatSize(unclaimed))
}
