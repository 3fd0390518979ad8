package agent

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

const (
	maxHeard       = 64                     // nonces of probes that are remembered
	announceWait   = 250 * time.Millisecond // for an announced offer to come by the event stream …
	announceSpread = 2 * time.Second        // … and at random so much more
)

// hearPlain takes what comes in clear on a group: announcements and probes, signed by the
// server, never answered by UDP (security.md I6).
func (a *Agent) hearPlain(packet []byte, _ netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.verify == nil {
		return
	}
	switch kind, _ := wire.PacketKind(packet); kind {
	case wire.KindProbe:
		a.hearProbe(packet)
	case wire.KindAnnounce:
		a.hearAnnounce(packet)
	}
}

func (a *Agent) hearProbe(packet []byte) {
	p, err := seal.VerifyProbe(*a.verify, packet)
	if err != nil || p.Server != wire.PrefixOf(a.cfg.Server) {
		return
	}
	a.heard = append(a.heard, hex.EncodeToString(p.Nonce[:]))
	if len(a.heard) > maxHeard {
		a.heard = a.heard[1:]
	}
}

// hearAnnounce notes once in a while that there is an offer.
func (a *Agent) hearAnnounce(packet []byte) {
	n, err := seal.VerifyAnnounce(*a.verify, packet)
	if err != nil || n.Server != wire.PrefixOf(a.cfg.Server) || time.Since(a.announced) < announceEvery {
		return
	}
	a.announced = time.Now()
	select {
	case a.announces <- n.Number:
	default: // the desk is busy with the one before
	}
}

// expect waits for an offer that was announced by multicast: the event stream brings it at
// about the same time, and a whole group that asks for the same would keep the server busy.
func (a *Agent) expect(n protocol.OfferNo) {
	if n <= a.newest {
		return
	}
	if a.overdue = max(a.overdue, n); a.lookAgain == nil {
		a.lookAgain = time.After(announceWait + time.Duration(rand.Float64()*float64(announceSpread)))
	}
}

// look reads the state if what was announced has not come by the event stream.
func (a *Agent) look(ctx context.Context) {
	a.lookAgain = nil
	if a.newest < a.overdue {
		a.newest = a.overdue // the state tells; it may be for others
		a.readState(ctx, false)
	}
}

func (a *Agent) answerProbe(ctx context.Context, id string) {
	a.mu.Lock()
	heard := append([]string(nil), a.heard...)
	a.mu.Unlock()
	if err := a.cfg.Client.ProbesHeard(ctx, groupcast.ProbeAnswer{Probe: id, Heard: heard}); err != nil {
		a.cfg.Log.Debug("probe not answered", "err", err)
	}
}
