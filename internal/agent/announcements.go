package agent

import (
	"context"
	"encoding/hex"
	"net/netip"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// maxHeard is how many nonces of probes are remembered.
const maxHeard = 64

// hearUnsealed takes what comes in clear on a group: announcements and probes, signed by the
// server, never answered by UDP (rule I6).
func (a *Agent) hearUnsealed(packet []byte, _ netip.Addr) {
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
	default: // what is sealed is the receiver's
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
	default: // the loop has not taken the one before yet
	}
}

// answerProbe reports to the server which probes came by multicast.
func (a *Agent) answerProbe(ctx context.Context, id string) {
	a.mu.Lock()
	heard := append([]string(nil), a.heard...)
	a.mu.Unlock()
	a.calls.post(lane{kind: probeCalls}, call{with: ctx, do: func(ctx context.Context) {
		if err := a.cfg.Client.ProbesHeard(ctx, groupcast.ProbeAnswer{Probe: id, Heard: heard}); err != nil {
			a.cfg.Log.Debug("probe not answered", "err", err)
		}
	}})
}
