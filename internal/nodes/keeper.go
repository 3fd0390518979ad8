// Package nodes keeps one server's place among those that share a database: it asks the database what package tenure
// says, and tells the server when it is the active one, when its lease has run out, and when another has taken over.
package nodes

import (
	"context"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/tenure"
)

// Self is what a node says of itself.
type Self struct {
	ID      string // of its home: of two processes with one ID at most one lives
	Name    string
	Address string // where others reach it
	Version string // of its program
}

// Node is one of them, as the database knows it.
type Node struct {
	Self
	Active bool
	Seen   time.Duration // so long ago
}

// Rows are the rows of the database that say who is active.
type Rows interface {
	// Look reads the row, and says that this node lives.
	Look(ctx context.Context) (tenure.Row, error)
	// Take makes this node the active one if the row still is as it was seen. It gives the row as it is then.
	Take(ctx context.Context, seen tenure.Row) (row tenure.Row, taken bool, err error)
	// Renew counts the beat up if the epoch is still this node's, else it gives the row.
	Renew(ctx context.Context, epoch uint64) (row tenure.Row, renewed bool, err error)
	// Free gives the place back.
	Free(ctx context.Context, epoch uint64) error
	// Nodes lists all, the active one first.
	Nodes(ctx context.Context) ([]Node, error)
}

// patience bounds one question to the database. A renewal that takes longer is of no use.
const patience = 4 * time.Second

// Keeper is a node's place. It is safe for concurrent use.
type Keeper struct {
	rows  Rows
	id    string
	clock func() time.Duration

	mu      sync.Mutex
	machine *tenure.Machine
	failed  error // of the last question
	away    time.Time
	changed chan struct{} // closed at each change of the state
}

// New gives a node that has not asked yet.
func New(rows Rows, id string, clock func() time.Duration) *Keeper {
	return &Keeper{rows: rows, id: id, clock: clock, machine: tenure.New(id), changed: make(chan struct{})}
}

// Status is how a node stands.
type Status struct {
	State  tenure.State
	Epoch  uint64    // that it holds
	Failed error     // why the database did not answer the last question
	Away   time.Time // since it does not answer; zero: it does
}

// Status is how this node stands now. changed ends when that may be otherwise; a lease runs out without it.
func (k *Keeper) Status() (s Status, changed <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return Status{k.machine.State(k.clock()), k.machine.Epoch(), k.failed, k.away}, k.changed
}

// Succeeds says whether the row is of an earlier process of this node, or of one with a copy of its home.
func (k *Keeper) Succeeds() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.machine.Epoch() == 0 && k.machine.Seen().Node == k.id
}

// Try does what is due, until nothing is. It says whether this node is the active one then.
func (k *Keeper) Try(ctx context.Context) (bool, error) {
	for {
		wait, err := k.step(ctx)
		if err != nil {
			return false, err
		}
		if s, _ := k.Status(); s.State == tenure.Active || wait > 0 {
			return s.State == tenure.Active, nil
		}
	}
}

// Run keeps the place until ctx ends, and then gives it back if it is this node's.
func (k *Keeper) Run(ctx context.Context) {
	for {
		wait, _ := k.step(ctx) // Status has the error
		select {
		case <-ctx.Done():
			k.free()
			return
		case <-time.After(wait):
		}
	}
}

func (k *Keeper) free() {
	k.mu.Lock()
	epoch := k.machine.Epoch()
	k.mu.Unlock()
	if epoch == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = k.rows.Free(ctx, epoch) // else the others wait until the lease has run out
}

// step does one thing, and says how long nothing is due after it.
func (k *Keeper) step(ctx context.Context) (time.Duration, error) {
	k.mu.Lock()
	sent := k.clock()
	step, at := k.machine.Next(sent)
	epoch, seen := k.machine.Epoch(), k.machine.Seen()
	k.mu.Unlock()
	asked, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var row tenure.Row
	var done bool
	var err error
	switch step {
	case tenure.Nothing:
		return at - sent, nil
	case tenure.Look:
		row, err = k.rows.Look(asked)
	case tenure.Take:
		row, done, err = k.rows.Take(asked, seen)
	case tenure.Renew:
		row, done, err = k.rows.Renew(asked, epoch)
	}
	k.answered(step, sent, row, done, err)
	return 0, err
}

func (k *Keeper) answered(step tenure.Step, sent time.Duration, row tenure.Row, done bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock()
	before, worked := k.machine.State(sent), k.failed == nil
	switch {
	case err != nil:
		k.machine.Failed(now)
	case done && step == tenure.Take:
		k.machine.Took(sent, row.Epoch)
	case done:
		k.machine.Renewed(sent)
	default:
		k.machine.Saw(now, row)
	}
	if k.failed = err; err == nil {
		k.away = time.Time{}
	} else if worked {
		k.away = time.Now()
	}
	if k.machine.State(now) != before || worked != (err == nil) {
		close(k.changed)
		k.changed = make(chan struct{})
	}
}

// Await waits until this node is the active one.
func (k *Keeper) Await(ctx context.Context) error {
	for {
		s, changed := k.Status()
		if s.State == tenure.Active {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// Replaced waits until another node has taken over, or ctx ends.
func (k *Keeper) Replaced(ctx context.Context, epoch uint64) error {
	for {
		s, changed := k.Status()
		if s.Epoch != epoch {
			return Taken("")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// Nodes lists all, the active one first.
func (k *Keeper) Nodes(ctx context.Context) ([]Node, error) { return k.rows.Nodes(ctx) }

// Taken is the error of a server whose place another one has taken. It keeps none of its changes.
func Taken(by string) error {
	if by == "" {
		by = "another server"
	} else {
		by = "the server " + by
	}
	return groupcast.Errorf(groupcast.EUnavailable, "this server writes nothing more: %s has taken over its database", by).
		WithHint("it is the active one; this one stands by when it is started again")
}
