// Package auth makes and checks password hashes: Argon2id behind limits that come before the
// work (docs/security.md C4, C5). Accounts, devices and their tokens
// belong to package server.
package auth

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/groupcast/groupcast"
)

// Bounds of passwords and of the work on them.
const (
	MaxPasswordBytes = 1024
	MinPasswordRunes = 8
	waitingLine      = 32                     // checks that wait for a turn
	memoryRest       = 500 * time.Millisecond // after the last check, until its memory goes back
)

// Passwords makes and checks Argon2id hashes, so many at once that the data plane keeps half
// of the processors, and judges who may try. It is safe for concurrent use.
type Passwords struct {
	limits *limits
	now    func() time.Time
	turns  chan struct{}
	inLine atomic.Int32
	tidy   *time.Timer
}

// NewPasswords takes the clock that the limits run on.
func NewPasswords(now func() time.Time) *Passwords {
	// Each check takes 19 MiB. A server that idles gives them back to the system at once: the
	// collector, which sees a small heap grow, would keep four of them for minutes.
	tidy := time.AfterFunc(memoryRest, debug.FreeOSMemory)
	tidy.Stop()
	return &Passwords{
		limits: newLimits(),
		now:    now,
		turns:  make(chan struct{}, max(1, runtime.NumCPU()/2)),
		tidy:   tidy,
	}
}

// CheckNew says whether a password may be set.
func CheckNew(password groupcast.Password) error {
	switch {
	case len(password) > MaxPasswordBytes:
		return errTooLong
	case utf8.RuneCountInString(string(password)) < MinPasswordRunes:
		return groupcast.Errorf(groupcast.EInvalid, "the password is too short").
			WithHint("use at least %d characters; a few words are easy to keep in mind", MinPasswordRunes)
	}
	return nil
}

var (
	errTooLong = groupcast.Errorf(groupcast.EInvalid, "the password is longer than %d bytes", MaxPasswordBytes)
	errBusy    = groupcast.Errorf(groupcast.EBusy, "too many logins at once").WithHint("try again in a few seconds")
)

// Hash makes the PHC string to keep for a password that CheckNew accepted.
func (p *Passwords) Hash(ctx context.Context, password groupcast.Password) (string, error) {
	if len(password) > MaxPasswordBytes {
		return "", errTooLong
	}
	end, err := p.turn(ctx)
	if err != nil {
		return "", err
	}
	defer end()
	return newHash(password), nil
}

// Verify says whether password is the one of hash, the PHC string kept for name; hash is empty
// for a name that is not an account, which takes as long. from is the client's address. An
// error says that the password was not checked: a limit was reached, or the queue is full.
func (p *Passwords) Verify(
	ctx context.Context, from, name string, password groupcast.Password, hash string,
) (bool, error) {
	if len(password) > MaxPasswordBytes {
		return false, errTooLong
	}
	try, err := p.limits.begin(p.now(), from, name)
	if err != nil {
		return false, err
	}
	end, err := p.turn(ctx)
	if err != nil {
		p.limits.abandon(try)
		return false, err
	}
	defer end()
	ok, err := matches(password, hash)
	p.limits.end(p.now(), try, ok)
	return ok, err
}

// turn waits in a bounded line for one of the processors set aside for passwords.
func (p *Passwords) turn(ctx context.Context) (end func(), err error) {
	if p.inLine.Add(1) > waitingLine+int32(cap(p.turns)) {
		p.inLine.Add(-1)
		return nil, errBusy
	}
	select {
	case p.turns <- struct{}{}:
		return p.leave, nil
	case <-ctx.Done():
		p.inLine.Add(-1)
		return nil, ctx.Err()
	}
}

func (p *Passwords) leave() {
	<-p.turns
	if p.inLine.Add(-1) == 0 {
		p.tidy.Reset(memoryRest)
	}
}
