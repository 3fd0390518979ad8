package auth

import (
	"crypto/sha256"
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
)

// The limits of C4 and C5. All of them come before the hash.
const (
	failuresPerMinute = 10 // per address prefix
	triesPerSecond    = 10 // of all addresses without an earlier success; as many for the others
	triesAtOnce       = 20 // burst of the line above
	maxDelay          = 5 * time.Minute
	tableSize         = 16 << 10 // of accounts at prefixes, and of prefixes: the oldest go
)

// account is a login ID, existing or not, tried from a prefix. The name is kept as a digest:
// people type passwords there.
type account struct {
	prefix string
	name   [32]byte
}

// place is what is known of an address prefix.
type place struct {
	failures bucket
	trying   int  // checks that have begun and not ended
	known    bool // somebody logged in from there
}

// penalty is the delay of an account at a prefix.
type penalty struct {
	failed int
	until  time.Time
}

type limits struct {
	mu       sync.Mutex
	places   *table[string, *place]
	accounts *table[account, penalty]
	newcomer bucket // tries of all prefixes without a success
	regular  bucket // tries of the others: a flood of the first does not lock them out
}

func newLimits() *limits {
	return &limits{
		places:   newTable[string, *place](tableSize),
		accounts: newTable[account, penalty](tableSize),
	}
}

// try is a check that was let through; end or abandon closes it.
type try struct {
	account account
	place   *place
}

func (l *limits) begin(now time.Time, from, name string) (try, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := try{account: account{prefixOf(from), sha256.Sum256([]byte(name))}}
	if p, ok := l.accounts.get(t.account); ok && now.Before(p.until) {
		return t, tooMany("this login ID was tried with a wrong password", p.until.Sub(now))
	}
	t.place = l.placeOf(t.account.prefix)
	open := t.place.failures.level(now, failuresPerMinute/60.0)
	if !t.place.known {
		open += float64(t.place.trying) // several at once are not a way around the limit
	}
	if open > failuresPerMinute-1 {
		return t, tooMany("there were too many failed logins from this address",
			time.Duration((open-failuresPerMinute+1)*6*float64(time.Second)))
	}
	lane := &l.newcomer
	if t.place.known {
		lane = &l.regular
	}
	if lane.level(now, triesPerSecond) > triesAtOnce-1 {
		return t, errBusy
	}
	lane.add(1)
	t.place.trying++
	return t, nil
}

func (l *limits) placeOf(prefix string) *place {
	if p, ok := l.places.get(prefix); ok {
		return p
	}
	p := &place{}
	l.places.put(prefix, p)
	return p
}

func tooMany(what string, wait time.Duration) error {
	wait = max(time.Second, wait.Round(time.Second))
	e := groupcast.Errorf(groupcast.EExhausted, "%s", what).WithHint("try again in %v", wait)
	e.After = wait
	return e
}

// abandon closes a try that was never checked.
func (l *limits) abandon(t try) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.place.trying--
}

func (l *limits) end(now time.Time, t try, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.place.trying--
	if ok {
		t.place.known = true
		l.accounts.drop(t.account)
		return
	}
	t.place.failures.level(now, failuresPerMinute/60.0)
	t.place.failures.add(1)
	p, _ := l.accounts.get(t.account)
	p.failed++
	p.until = now.Add(delay(p.failed))
	l.accounts.put(t.account, p)
}

// delay is 1 s after the first failure and doubles with each.
func delay(failed int) time.Duration {
	return min(maxDelay, time.Second<<min(failed-1, 30))
}

// bucket fills by what happens and leaks with time.
type bucket struct {
	full float64
	at   time.Time
}

func (b *bucket) level(now time.Time, leak float64) float64 {
	if now.After(b.at) {
		b.full = math.Max(0, b.full-now.Sub(b.at).Seconds()*leak)
		b.at = now
	}
	return b.full
}

func (b *bucket) add(n float64) { b.full += n }

// prefixOf groups addresses that one party holds: an IPv4 address, an IPv6 /64. What is not an
// address (the local socket) stands for itself.
func prefixOf(from string) string {
	addr, err := netip.ParseAddr(from)
	if err != nil {
		if p, err := netip.ParseAddrPort(from); err == nil {
			addr = p.Addr()
		} else {
			return from[:min(len(from), 64)]
		}
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}
