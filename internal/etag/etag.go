// Package etag gives what can be changed a version: a hash of what people set of it, not of what passes (progress, who
// is there now). A change can be made on the condition that the thing still has a version.
package etag

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/groupcast/groupcast"
)

// lasting is what of a thing makes its version; false for everything without one.
func lasting(thing any) (any, bool) {
	switch t := thing.(type) {
	case groupcast.User:
		return t, true
	case groupcast.Group:
		t.Members, t.Active, t.Pending, t.Warning = 0, 0, 0, ""
		return t, true
	case groupcast.Device:
		t.LastSeen, t.Active, t.Address, t.Path, t.FreeBytes, t.LossPercent = time.Time{}, false, "", "", 0, 0
		t.Clock, t.Machines, t.LoginEnds, t.Owed, t.OS, t.Version = 0, 0, time.Time{}, 0, "", ""
		return t, true
	case groupcast.Transfer:
		return lastingTransfer(t), true
	case groupcast.ServerStatus:
		if t.About == nil {
			return "", true
		}
		return t.About.Name, true // what ServerChange can change
	}
	return nil, false
}

// Has says whether things of a type have a version.
func Has[T any]() bool {
	_, has := lasting(*new(T))
	return has
}

func lastingTransfer(t groupcast.Transfer) groupcast.Transfer {
	if t.State.Open() {
		t.State = groupcast.TransferWaiting // or gathering or sending: that changes by itself
	}
	t.Reason, t.Cause, t.Summary, t.Standing = "", "", "", groupcast.TransferStanding{}
	t.StartedAt, t.Owed, t.Verified, t.Failed, t.Incomplete, t.Away, t.Stuck = time.Time{}, 0, 0, 0, 0, 0, 0
	t.Progress, t.Session, t.Estimates, t.WireBytes, t.HTTPSBytes = 0, nil, nil, 0, 0
	t.Notes, t.Lost, t.Forging, t.Replaces = nil, 0, nil, nil
	return t
}

// Of is the ETag of a thing; "" if it has none.
func Of(thing any) string {
	kept, ok := lasting(thing)
	if !ok {
		return ""
	}
	text, err := json.Marshal(kept)
	if err != nil {
		panic(err) // the domain's types can be written
	}
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}

// Matches says whether a version is one of those of an If-Match. A weak one is never (RFC 9110).
func Matches(wanted, now string) bool {
	return wanted == "*" || slices.ContainsFunc(strings.Split(wanted, ","), func(one string) bool {
		return strings.TrimSpace(one) == now
	})
}

// Locks keep what a conditional change compared as it is until the change is made: other changes of the same thing
// wait. Changes without a condition run at the same time as each other.
type Locks struct {
	seed maphash.Seed
	each [64]*semaphore.Weighted // things that share one wait for each other, which is rare
}

// everybody is more than can hold a lock at once.
const everybody = 1 << 30

// NewLocks makes locks that nobody holds.
func NewLocks() *Locks {
	l := &Locks{seed: maphash.MakeSeed()}
	for i := range l.each {
		l.each[i] = semaphore.NewWeighted(everybody)
	}
	return l
}

// Take waits for a thing, to change it; alone: on a condition, which is compared then.
func (l *Locks) Take(ctx context.Context, thing string, alone bool) (release func(), err error) {
	lock, weight := l.each[maphash.String(l.seed, thing)%uint64(len(l.each))], int64(1)
	if alone {
		weight = everybody
	}
	if err := lock.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	return func() { lock.Release(weight) }, nil
}
