// Package bandwidth keeps what goes by multicast and over HTTPS together below a limit: of all
// transfers, and of each one.
package bandwidth

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast/internal/protocol"
	pace "github.com/groupcast/groupcast/internal/rate"
)

const (
	catchUpPart  = 64        // HTTPS gets one part in so many while multicast runs: the others do not wait for it
	catchUpLeast = 128 << 10 // bytes a second, however slow multicast is

	forgedPart  = 10        // blocks that came with a wrong digest get one part in so many beside it …
	forgedLeast = 2_000_000 // … bytes a second at least …
	forgedMost  = 2         // … and at most one part in so many of a limit (security.md M4)

	httpsBurst  = 512 << 10 // bytes at most that leave at once over HTTPS …
	burstTime   = 20        // … a second's part in so many …
	leastBurst  = 4 << 10   // … and at least
	httpsPiece  = 64 << 10  // one stream takes so much before it is another's turn
	httpsExtra  = 20        // TLS, TCP, IP and Ethernet are one part in so many more
	httpsLinger = 2 * time.Second
)

// Session is the part of a multicast session that shares a limit.
type Session interface{ Limit(bytesPerSec uint64) }

// Lines are the limits: one of all transfers (--max-rate) and one of each (--rate). It is safe for
// concurrent use.
type Lines struct {
	now func() time.Time
	cap func(bytesPerSec uint64) // what all sessions together may use; 0: no limit

	mu        sync.Mutex
	multicast uint64 // bytes a second that sessions use now
	all       *Line
	of        map[protocol.TransferNo]*Line
}

// Line is one limit and what runs under it.
type Line struct {
	most     uint64           // bytes a second; 0: none
	https    *way             // what is caught up
	forged   *way             // blocks that came with a wrong digest: they do not wait for the others
	sessions map[Session]bool // that send
	granted  uint64           // what they may use
}

// way has the streams over HTTPS of one kind.
type way struct {
	limiter *rate.Limiter
	streams int
	quiet   time.Time // when the latest of them ended
}

func newWay() *way { return &way{limiter: rate.NewLimiter(rate.Inf, httpsBurst)} }

// way returns the one for a stream.
func (x *Line) way(forged bool) *way {
	if forged {
		return x.forged
	}
	return x.https
}

// New shares out maxRate bytes a second, 0 for no limit; limit is called with what all sessions together may use.
func New(now func() time.Time, maxRate uint64, limit func(uint64)) *Lines {
	return &Lines{now: now, cap: limit, all: newLine(maxRate), of: map[protocol.TransferNo]*Line{}}
}

func newLine(most uint64) *Line {
	return &Line{most: most, granted: most, https: newWay(), forged: newWay(), sessions: map[Session]bool{}}
}

// change does something to the line of a transfer and to that of all, then shares out again.
func (l *Lines) change(no protocol.TransferNo, most uint64, do func(*Line)) *Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.of[no]
	if one == nil {
		one = newLine(most)
		l.of[no] = one
	}
	do(one)
	do(l.all)
	l.share()
	return one
}

// Begin says that a session sends.
func (l *Lines) Begin(no protocol.TransferNo, most uint64, s Session) {
	l.change(no, most, func(x *Line) { x.sessions[s] = true })
}

// End says that a session sends no more.
func (l *Lines) End(no protocol.TransferNo, most uint64, s Session) {
	l.change(no, most, func(x *Line) { delete(x.sessions, s) })
}

// Enter says that a stream over HTTPS begins; forged is one of blocks that came with a wrong
// digest.
func (l *Lines) Enter(no protocol.TransferNo, most uint64, forged bool) *Line {
	return l.change(no, most, func(x *Line) { x.way(forged).streams++ })
}

// Leave says that such a stream ends.
func (l *Lines) Leave(no protocol.TransferNo, most uint64, forged bool) {
	at := l.now()
	l.change(no, most, func(x *Line) {
		w := x.way(forged)
		w.streams--
		w.quiet = at
	})
}

// Most changes the limit of a transfer that goes on, in bytes a second; 0: none.
func (l *Lines) Most(no protocol.TransferNo, most uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one := l.of[no]; one != nil {
		one.most = most
		l.share()
	}
}

// Uses notes what sessions send, in bytes a second, and shares out anew.
// Uses notes what sessions send, in bytes a second, and shares out again.
func (l *Lines) Uses(multicast uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.multicast = multicast
	l.share()
}

// share gives each kind its part; the lock is held.
func (l *Lines) share() {
	now := l.now()
	forForged := l.forForged()
	forMulticast, forHTTPS, forged := l.all.split(now, forForged)
	if forMulticast != l.all.granted {
		l.all.granted = forMulticast
		l.cap(forMulticast)
	}
	if l.multicast > 0 { // unlimited or not, it gets its part only
		part := max(l.multicast/catchUpPart, catchUpLeast)
		if forHTTPS == 0 || part < forHTTPS {
			forHTTPS = part
		}
	}
	l.all.https.limit(forHTTPS)
	l.all.forged.limit(forged)
	for no, x := range l.of {
		forMulticast, forHTTPS, forged := x.split(now, forForged)
		for s := range x.sessions {
			s.Limit(forMulticast)
		}
		x.https.limit(forHTTPS)
		x.forged.limit(forged)
		if len(x.sessions) == 0 && !x.https.busy(now) && !x.forged.busy(now) {
			delete(l.of, no)
		}
	}
}

// forForged is what blocks that came with a wrong digest get beside multicast, whatever else goes over HTTPS; 0:
// there is no multicast, and no limit.
func (l *Lines) forForged() uint64 {
	if l.multicast == 0 {
		return 0
	}
	return max(l.multicast/forgedPart, forgedLeast)
}

// split shares a line out; 0 is no limit.
func (x *Line) split(now time.Time, forForged uint64) (forMulticast, forHTTPS, forged uint64) {
	most := x.most
	if most > 0 {
		if half := max(most/forgedMost, 1); forForged == 0 || half < forForged {
			forForged = half
		}
		if x.forged.busy(now) {
			most = max(most-forForged, 1)
		}
	}
	forMulticast, forHTTPS = pace.Split(most, len(x.sessions) > 0, x.https.busy(now))
	return forMulticast, forHTTPS, forForged
}

// busy says whether HTTPS has a share: for a while after a stream ended, too, for a device asks
// for one stretch after the other, and a session cannot find its rate under a limit that
// comes and goes.
func (w *way) busy(now time.Time) bool {
	return w.streams > 0 || !w.quiet.IsZero() && now.Before(w.quiet.Add(httpsLinger))
}

// limit sets what may be used; 0: no limit.
func (w *way) limit(bytesPerSec uint64) {
	limit, burst := rate.Inf, httpsBurst
	if bytesPerSec > 0 {
		limit = rate.Limit(bytesPerSec)
		burst = int(min(max(bytesPerSec/burstTime, leastBurst), httpsBurst))
	}
	if w.limiter.Limit() != limit {
		w.limiter.SetLimit(limit)
		w.limiter.SetBurst(burst)
	}
}

// Wait gives leave to send up to n bytes of a transfer over HTTPS: how many.
func (l *Lines) Wait(ctx context.Context, x *Line, forged bool, n int) (int, error) {
	one, all := x.way(forged).limiter, l.all.way(forged).limiter
	n = min(n, httpsPiece, one.Burst(), all.Burst())
	wire := n + n/httpsExtra
	for _, lim := range []*rate.Limiter{one, all} {
		for left := wire; left > 0; {
			part := min(left, lim.Burst())
			switch err := lim.WaitN(ctx, part); {
			case err == nil:
				left -= part
			case ctx.Err() != nil || part <= lim.Burst(): // else its burst was made smaller meanwhile
				return 0, fmt.Errorf("waiting for a share of the line: %w", err)
			}
		}
	}
	return n, nil
}
