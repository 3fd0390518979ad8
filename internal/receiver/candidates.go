package receiver

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast/internal/drops"
)

// Bounds of the checks of signatures, per session and second (security.md I7).
const (
	ownVerify     = 250 // SYNCs that may well be the server's …
	openVerify    = 250 // … and any
	maxCandidates = 4   // of one sequence number that is not likely
	mostSyncs     = 500 // of a server a second: sequence numbers go up no faster …
	syncSlack     = 1024
	knownPorts    = 2
	portLasts     = 2 * time.Second // a port is the server's for so long after its last SYNC
)

// candidates decides which SYNCs are worth a check of their signature, which is dear: any member can
// seal one. What comes from where verified ones came from, with a sequence number that can be next,
// has a budget of its own, which other forgeries cannot use up. Who forges the server's address and
// port as well, and sends more than is checked in a second, makes the receiver fall silent and fetch
// over HTTPS instead.
type candidates struct {
	newest   uint64 // sequence of the newest one verified …
	at       time.Time
	own      *rate.Limiter
	open     *rate.Limiter
	tried    int // checks that failed for the same sequence
	triedFor uint64
	ports    [knownPorts]sourcePort
}

// sourcePort is a port of the server's address that a verified SYNC came from.
type sourcePort struct {
	port uint16
	at   time.Time
}

func newCandidates(now time.Time, newest uint64) candidates {
	return candidates{
		newest: newest, at: now,
		own: rate.NewLimiter(ownVerify, ownVerify), open: rate.NewLimiter(openVerify, openVerify),
	}
}

// admit says whether to check the signature of a SYNC, and if not, why.
func (c *candidates) admit(now time.Time, sequence uint64, port uint16) (drops.Reason, bool) {
	if sequence <= c.newest {
		return drops.Sequence, false
	}
	if c.likely(now, sequence, port) {
		return drops.Budget, c.own.AllowN(now, 1) || c.open.AllowN(now, 1)
	}
	return drops.Budget, !(sequence == c.triedFor && c.tried >= maxCandidates) && c.open.AllowN(now, 1)
}

func (c *candidates) likely(now time.Time, sequence uint64, port uint16) bool {
	most := syncSlack + uint64(max(0, now.Sub(c.at).Seconds())*mostSyncs)
	return sequence-c.newest <= most && c.from(now, port)
}

// failed notes that a signature was not the server's.
func (c *candidates) failed(sequence uint64) {
	if sequence != c.triedFor {
		c.triedFor, c.tried = sequence, 0
	}
	c.tried++
}

// verified notes a SYNC of the server, and where it came from.
func (c *candidates) verified(now time.Time, sequence uint64, port uint16) {
	c.newest, c.at = sequence, now
	oldest := &c.ports[0]
	for i := range c.ports {
		p := &c.ports[i]
		if p.port == port {
			p.at = now
			return
		}
		if p.at.Before(oldest.at) {
			oldest = p
		}
	}
	*oldest = sourcePort{port, now}
}

// from says whether packets of the server's address may be the server's by their port. The offer
// does not say which it is: the SYNCs do.
func (c *candidates) from(now time.Time, port uint16) bool {
	known := false
	for _, p := range c.ports {
		if !p.at.IsZero() && now.Sub(p.at) < portLasts {
			if p.port == port {
				return true
			}
			known = true
		}
	}
	return !known
}
