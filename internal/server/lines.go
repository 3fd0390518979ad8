package server

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

	httpsBurst  = 512 << 10 // bytes at most that leave at once over HTTPS …
	burstTime   = 20        // … a second's part in so many …
	leastBurst  = 4 << 10   // … and at least
	httpsPiece  = 64 << 10  // one stream takes so much before it is another's turn
	httpsExtra  = 20        // TLS, TCP, IP and Ethernet are one part in so many more
	httpsLinger = 2 * time.Second
)

// limitable is the part of a session that lines need.
type limitable interface{ Limit(bytesPerSec uint64) }

// lines keeps what goes by multicast and over HTTPS together below a limit: of all transfers
// --max-rate, of each one its --rate. It is safe for concurrent use.
type lines struct {
	now func() time.Time
	cap func(bytesPerSec uint64) // what all sessions together may use; 0: no limit

	mu        sync.Mutex
	multicast uint64 // bytes a second that sessions use now
	all       *line
	of        map[protocol.TransferNo]*line
}

// line is one limit and what runs under it.
type line struct {
	most     uint64 // bytes a second; 0: none
	https    *rate.Limiter
	streams  int                // over HTTPS
	quiet    time.Time          // when the latest of them ended
	sessions map[limitable]bool // that send
	told     uint64             // what they may use
}

func newLines(now func() time.Time, maxRate uint64, limit func(uint64)) *lines {
	return &lines{now: now, cap: limit, all: newLine(maxRate), of: map[protocol.TransferNo]*line{}}
}

func newLine(most uint64) *line {
	return &line{most: most, told: most, https: rate.NewLimiter(rate.Inf, httpsBurst), sessions: map[limitable]bool{}}
}

// change does something to the line of a transfer and to that of all, then shares out anew.
func (l *lines) change(no protocol.TransferNo, most uint64, do func(*line)) *line {
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

// begin and end say that a session sends, and that it does no more.
func (l *lines) begin(no protocol.TransferNo, most uint64, s limitable) {
	l.change(no, most, func(x *line) { x.sessions[s] = true })
}

func (l *lines) end(no protocol.TransferNo, most uint64, s limitable) {
	l.change(no, most, func(x *line) { delete(x.sessions, s) })
}

// enter and leave say that a stream over HTTPS begins and ends.
func (l *lines) enter(no protocol.TransferNo, most uint64) *line {
	return l.change(no, most, func(x *line) { x.streams++ })
}

func (l *lines) leave(no protocol.TransferNo, most uint64) {
	at := l.now()
	l.change(no, most, func(x *line) { x.streams--; x.quiet = at })
}

// uses notes what sessions send, in bytes a second, and shares out anew.
func (l *lines) uses(multicast uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.multicast = multicast
	l.share()
}

// share gives each way its part; the lock is held.
func (l *lines) share() {
	now := l.now()
	forMulticast, forHTTPS := l.all.split(now)
	if forMulticast != l.all.told {
		l.all.told = forMulticast
		l.cap(forMulticast)
	}
	if l.multicast > 0 { // unlimited or not, it gets its part only
		part := max(l.multicast/catchUpPart, catchUpLeast)
		if forHTTPS == 0 || part < forHTTPS {
			forHTTPS = part
		}
	}
	l.all.limit(forHTTPS)
	for no, x := range l.of {
		forMulticast, forHTTPS := x.split(now)
		for s := range x.sessions {
			s.Limit(forMulticast)
		}
		x.limit(forHTTPS)
		if len(x.sessions) == 0 && !x.busy(now) {
			delete(l.of, no)
		}
	}
}

func (x *line) split(now time.Time) (forMulticast, forHTTPS uint64) {
	return pace.Split(x.most, len(x.sessions) > 0, x.busy(now))
}

// busy says whether HTTPS has a share: for a while after a stream ended, too, for a device asks
// for one stretch after the other, and a session cannot find its rate under a limit that
// comes and goes.
func (x *line) busy(now time.Time) bool {
	return x.streams > 0 || !x.quiet.IsZero() && now.Before(x.quiet.Add(httpsLinger))
}

// limit sets what HTTPS may use; 0: no limit.
func (x *line) limit(bytesPerSec uint64) {
	limit, burst := rate.Inf, httpsBurst
	if bytesPerSec > 0 {
		limit = rate.Limit(bytesPerSec)
		burst = int(min(max(bytesPerSec/burstTime, leastBurst), httpsBurst))
	}
	if x.https.Limit() != limit {
		x.https.SetLimit(limit)
		x.https.SetBurst(burst)
	}
}

// wait gives leave to send up to n bytes of a transfer over HTTPS: how many.
func (l *lines) wait(ctx context.Context, x *line, n int) (int, error) {
	n = min(n, httpsPiece, x.piece(), l.all.piece())
	wire := n + n/httpsExtra
	for _, lim := range []*rate.Limiter{x.https, l.all.https} {
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

func (x *line) piece() int { return x.https.Burst() }
