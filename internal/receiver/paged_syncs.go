package receiver

import (
	"errors"
	"fmt"
	"time"

	"github.com/groupcast/groupcast/internal/drops"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// pagedSyncs decides which SYNCs of a paged session are believed (docs/format-2.md §6).
type pagedSyncs struct {
	key     seal.VerifyKey // of the offer
	chain   *seal.ChainEnd
	budget  recv.SyncBudget
	newest  uint64    // sequence number of the newest one that was believed
	at      time.Time // when it came
	slot    time.Duration
	sources sourcePorts
}

// begin takes the SYNC of the hand-out. It came over TLS: its element stands for the chain up to it.
func (s *pagedSyncs) begin(keys *seal.Session, o format2.Offer, packet []byte) (first format2.Sync, err error) {
	if s.key, err = seal.VerifyKeyFrom(o.SyncKey[:]); err != nil {
		return first, err
	}
	h, body, err := keys.Open(nil, packet)
	if err != nil {
		return first, err
	}
	if h.Kind != wire.KindSync {
		return first, wire.ErrKind
	}
	if first, err = keys.VerifySync2(s.key, body); err != nil {
		return first, err
	}
	s.chain = seal.NewChainEnd(o.Session, first.Index, first.Element)
	s.newest, s.at = first.Sequence, time.Now()
	s.slot = time.Duration(o.SlotMS) * time.Millisecond
	return first, nil
}

// errLeftBehind says that nothing was heard for so long that the SYNCs cannot be checked any more: the newest one is
// asked for over TLS.
var errLeftBehind = fmt.Errorf("its sender was not heard for too long: %w", ErrSessionOver)

// hearSync checks everything else about a SYNC before its signature: that takes much time.
func (p *pagedSession) hearSync(now time.Time, port uint16, body []byte) {
	r, s := p.r, &p.syncs
	sequence, index, element, err := format2.ParseSyncHead(body)
	if err != nil {
		r.drops.Add(drops.Body)
		return
	}
	if sequence <= s.newest {
		r.drops.Add(drops.Sequence)
		return
	}
	fresh, err := s.chain.Check(now.Unix(), index, element)
	if err != nil {
		r.drops.Add(drops.Chain)
		p.offTheChain(now, err)
		return
	}
	if !s.budget.Check(now.UnixNano()/int64(s.slot), index, fresh) {
		r.drops.Add(drops.Budget)
		return
	}
	sync, err := r.keys.Load().VerifySync2(s.key, body)
	switch {
	case errors.Is(err, seal.ErrSignature):
		r.machine.ForgedSync()
		r.drops.Add(drops.Signature)
		return
	case err != nil: // the sender's own, of a kind that this version does not know
		r.drops.Add(drops.Body)
		return
	}
	s.budget.Good()
	if r.marked != nil {
		r.marked.learn(r.keys.Load(), s.chain, sync)
	}
	s.chain.Take(index, element)
	s.newest, s.at = sequence, now
	s.sources.heard(now, port)
	if r.marked != nil {
		p.holdSync(now, sync)
	} else {
		p.takeSync(now, sync)
	}
	r.moveGate()
}

// takeSync gives a SYNC to the machine.
func (p *pagedSession) takeSync(now time.Time, sync format2.Sync) {
	p.r.machine.HandleSync(now, asSync(sync))
	p.r.machine.Declare(now, declared(sync))
}

// offTheChain follows a SYNC whose element is none, or too far away to say.
func (p *pagedSession) offTheChain(now time.Time, err error) {
	switch {
	case errors.Is(err, seal.ErrChainFar) && now.Sub(p.syncs.at) > seal.ChainSteps*p.syncs.slot:
		p.r.end(errLeftBehind)
	case errors.Is(err, seal.ErrChain):
		p.r.machine.ForgedSync()
	}
}

// ports are those that data may come from, if the offer does not name the one.
func (p *pagedSession) ports() sourcePorts {
	if p.cfg.Offer.Source.Port() != 0 {
		return sourcePorts{}
	}
	return p.syncs.sources
}

// asSync is what the machine takes of a SYNC; its flags mean the same.
func asSync(s format2.Sync) wire.Sync {
	m := s.Sync
	m.Flags = wire.SyncFlags(s.Flags & (format2.SyncPassDone | format2.SyncEnd | format2.SyncSolicit))
	return m
}

// declared is what a SYNC says of the pages.
func declared(s format2.Sync) recv.Pages {
	return recv.Pages{Count: int(s.Pages), Front: int(s.PageFront), Lengths: s.Lengths}
}
