package receiver

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast/internal/drops"
)

// Bounds of checking signatures of SYNCs, for each session (security.md I7).
const (
	ownVerify     = 250  // a second, of SYNCs that are likely the server's
	openVerify    = 250  // a second, of any SYNCs
	maxCandidates = 4    // failed checks for one sequence number, unless the SYNC is likely the server's
	mostSyncs     = 500  // that a server sends a second: sequence numbers rise no faster …
	syncSlack     = 1024 // … beyond this much
	knownPorts    = 2
	portLasts     = 2 * time.Second // how long a port counts as the server's after a SYNC from it
)

// candidates decides which SYNCs have their signature checked. A check takes much time, and any member
// of the group can seal a SYNC. SYNCs that are likely the server's have a limit of their own, which
// other SYNCs cannot use up: they come from an address and port that verified SYNCs came from, and
// their sequence number can be the next. A sender that forges address and port, too, and sends more
// than is checked in a second, keeps the receiver from verifying SYNCs; it then fetches over HTTPS.
type candidates struct {
	newest   uint64    // sequence number of the newest verified SYNC
	at       time.Time // when it was verified
	own      *rate.Limiter
	open     *rate.Limiter
	tried    int // failed checks of the sequence number triedFor
	triedFor uint64
	ports    sourcePorts
}

// sourcePorts are the ports that verified SYNCs came from lately.
type sourcePorts [knownPorts]sourcePort

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
	often := sequence == c.triedFor && c.tried >= maxCandidates
	return drops.Budget, !often && c.open.AllowN(now, 1)
}

// likely says whether a SYNC may well be the server's.
func (c *candidates) likely(now time.Time, sequence uint64, port uint16) bool {
	most := syncSlack + uint64(max(0, now.Sub(c.at).Seconds())*mostSyncs)
	return sequence-c.newest <= most && c.ports.from(now, port)
}

// failed notes a signature that is not the server's.
func (c *candidates) failed(sequence uint64) {
	if sequence != c.triedFor {
		c.triedFor, c.tried = sequence, 0
	}
	c.tried++
}

// verified notes a SYNC of the server and the port it came from.
func (c *candidates) verified(now time.Time, sequence uint64, port uint16) {
	c.newest, c.at = sequence, now
	c.ports.heard(now, port)
}

// heard notes a port that a verified SYNC came from.
func (ports *sourcePorts) heard(now time.Time, port uint16) {
	oldest := &ports[0]
	for i := range ports {
		p := &ports[i]
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

// from says whether a packet from the server's address and this port may be the server's. The offer
// does not name the port: it is learnt from verified SYNCs, and until then any port may be it.
func (ports sourcePorts) from(now time.Time, port uint16) bool {
	known := false
	for _, p := range ports {
		if !p.at.IsZero() && now.Sub(p.at) < portLasts {
			if p.port == port {
				return true
			}
			known = true
		}
	}
	return !known
}
