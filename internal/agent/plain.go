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

// maxHeard is how many probe nonces are remembered.
const maxHeard = 64

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

// hearAnnounce asks for the state once in a while: a hint that came by multicast may be the
// first to come through.
func (a *Agent) hearAnnounce(packet []byte) {
	n, err := seal.VerifyAnnounce(*a.verify, packet)
	if err != nil || n.Server != wire.PrefixOf(a.cfg.Server) || time.Since(a.announced) < announceEvery {
		return
	}
	a.announced = time.Now()
	select {
	case a.events <- groupcast.AgentEvent{Kind: groupcast.AgentHint}:
	default: // the desk is busy and will read the state anyway
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
