package receiver

import (
	"errors"
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/drops"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// BlockStore stores verified blocks of the stream, by their number in the session. It is called from
// several goroutines. spool.Staging is a BlockStore.
type BlockStore interface {
	WriteBlock(n protocol.BlockNumber, data []byte) error
	Sync() error // makes what was written durable
}

// Config says what New makes a session of. The signature of the offer has been verified.
type Config struct {
	Endpoint   *Endpoint
	Verify     seal.VerifyKey // of the server's signing key
	Offer      wire.Offer
	OfferBytes []byte
	Handout    groupcast.Handout
	Manifest   []byte // canonical bytes, if already known; OnManifest is called in any case
	// OnManifest is called once, from a worker, with the verified manifest and its canonical bytes. It
	// answers where blocks are to be stored and which are there already, by their number in the
	// session. An error ends the session.
	OnManifest func(layout *manifest.Layout, raw []byte) (BlockStore, *protocol.BlockSet, error)
	// The following are called from the goroutine of Run and may be nil.
	//
	// OnCatchUp: these blocks are to be fetched over HTTPS and handed to Supply.
	OnCatchUp func(ranges []protocol.Range, reason string)
	// OnSilent: no packets come from the group though the session should run.
	OnSilent func(reason string)
	// OnFeedback: a feedback body to be posted over HTTPS, because by UDP it does not seem to reach the
	// server. At most every reportEvery.
	OnFeedback func(body []byte)
}

// manifestSession is what is special about a session whose offer names a manifest.
type manifestSession struct {
	r      *Receiver
	cfg    Config
	syncs  candidates // guarded by r.mu
	blocks manifestBlocks
}

// New checks the hand-out against the offer and prepares a session.
func New(cfg Config) (*Receiver, error) {
	secret, err := seal.ParseSecret(cfg.Handout.SessionSecret)
	if err != nil {
		return nil, fmt.Errorf("session secret: %w", err)
	}
	keys, err := seal.NewSession(secret, cfg.OfferBytes)
	if err != nil {
		return nil, err
	}
	_, first, err := keys.OpenSync(cfg.Verify, cfg.Handout.Sync)
	if err != nil {
		return nil, fmt.Errorf("first SYNC of the hand-out: %w", err)
	}
	o := cfg.Offer
	r := newReceiver(setup{cfg.Endpoint, cfg.Handout, cfg.OnCatchUp, cfg.OnSilent, cfg.OnFeedback}, terms{
		tag: o.Tag, symbol: int(o.SymbolSize), data: int(o.SymbolSize) + protocol.DataOverhead,
		sync:  [2]int{protocol.MinSyncPacket, protocol.MaxSyncPacket},
		group: o.GroupAddr, source: o.Source.Unmap(), feedbackPort: o.FeedbackPort,
	}, keys)
	m := &manifestSession{r: r, cfg: cfg, syncs: newCandidates(time.Now(), first.Sequence)}
	if err := m.blocks.init(o); err != nil {
		return nil, err
	}
	head := 1 + int(o.ManifestBlocks)
	err = r.prepare(recv.Config{
		Layout: m.blocks.known(), Blocks: head + int(o.Blocks), Head: head, MaxK: int(o.MaxK), First: first,
	}, m)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (m *manifestSession) begin() error {
	if m.cfg.Manifest == nil {
		return nil
	}
	return m.supplyManifest(m.cfg.Manifest)
}

func (m *manifestSession) end() {}

func (m *manifestSession) known() bool { return m.blocks.storeNow() != nil }

func (m *manifestSession) sync() error {
	if store := m.blocks.storeNow(); store != nil {
		return store.Sync()
	}
	return nil
}

func (m *manifestSession) ports() sourcePorts { return m.syncs.ports }

func (m *manifestSession) body(f wire.Feedback) []byte { return wire.AppendFeedback(nil, f) }

func (m *manifestSession) seal(dst []byte, by *seal.FeedbackSealer, f wire.Feedback) []byte {
	return by.Seal(dst, f)
}

// hearSync checks everything else about a SYNC, and the limits of checking, before its signature:
// that takes much time.
func (m *manifestSession) hearSync(now time.Time, port uint16, body []byte) {
	r := m.r
	sequence, err := seal.SyncSequence(body)
	if err != nil {
		r.drops.Add(drops.Body)
		return
	}
	if why, ok := m.syncs.admit(now, sequence, port); !ok {
		r.drops.Add(why)
		return
	}
	sync, err := r.keys.Load().VerifySync(m.cfg.Verify, body)
	if err != nil {
		m.syncs.failed(sequence)
		r.machine.ForgedSync()
		r.drops.Add(drops.Signature)
		return
	}
	m.syncs.verified(now, sequence, port)
	r.machine.HandleSync(now, sync)
	r.moveGate()
}

// store verifies a decoded block and stores it.
func (m *manifestSession) store(b protocol.BlockNumber, data []byte) {
	r := m.r
	if b < m.blocks.first {
		for _, v := range m.blocks.put(b, data) {
			r.finishJob(v.block, v.outcome, 0)
		}
		if err := m.ready(); err != nil {
			r.fail(err)
		}
		return
	}
	layout, store := m.blocks.staged()
	if store == nil {
		r.finishJob(b, recv.Failed, 0) // cannot happen: the machine waits for the layout
		return
	}
	if !layout.Verify(b, data) {
		r.finishJob(b, recv.Mismatch, 0)
		return
	}
	if err := store.WriteBlock(b, data); err != nil {
		r.finishJob(b, recv.Failed, 0)
		r.fail(fmt.Errorf("storing block %d: %w", b, err))
		return
	}
	r.finishJob(b, recv.Stored, len(data))
}

// ready calls OnManifest once all of the manifest is there.
func (m *manifestSession) ready() error {
	layout, raw, err := m.blocks.whole()
	if err != nil {
		const format = "the manifest of transfer %d is not acceptable"
		return groupcast.Errorf(groupcast.EInvalid, format, m.cfg.Offer.Transfer).Wrap(err)
	}
	if layout == nil {
		return nil
	}
	store, have, err := m.cfg.OnManifest(layout, raw)
	if err != nil {
		return err
	}
	m.blocks.stage(store)
	r := m.r
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.machine.SetLayout(now, layout, have)
	r.bytes += heldBytes(layout, have)
	r.drain(now)
	r.wakeLoop()
	return nil
}

// heldBytes is how many bytes of the stream are there already.
func heldBytes(l *manifest.Layout, have *protocol.BlockSet) (n uint64) {
	if have == nil {
		return 0
	}
	for b, ok := have.Next(l.FirstStream()); ok; b, ok = have.Next(b + 1) {
		length, _ := l.Length(b)
		n += uint64(length)
	}
	return n
}

// SupplyManifest takes the canonical manifest, which was fetched over HTTPS. When it returns nil,
// OnManifest has returned and Supply may be called.
func (r *Receiver) SupplyManifest(raw []byte) error {
	m, is := r.format.(*manifestSession)
	if !is {
		return errPaged
	}
	return m.supplyManifest(raw)
}

var errPaged = errors.New("a paged transfer has no manifest")

func (m *manifestSession) supplyManifest(raw []byte) error {
	r := m.r
	waiting, err := m.blocks.supply(raw)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.working -= waiting.Count()
	now := time.Now()
	for b := range m.blocks.first {
		if waiting.Has(b) {
			r.machine.BlockStored(now, b, recv.Stored)
		} else { // its symbols stay valid for a worker that may be decoding it
			r.machine.BlockSupplied(now, b)
		}
	}
	r.afterBlock(now)
	r.mu.Unlock()
	if err := m.ready(); err != nil {
		return err
	}
	select { // it may have come by multicast at the same time
	case <-m.blocks.ready:
		return nil
	case <-r.gone:
		return ErrSessionOver
	}
}

// ErrNoManifest says that a block cannot be verified yet.
var ErrNoManifest = errors.New("the manifest is not known yet")

func (m *manifestSession) supply(b protocol.BlockNumber, data []byte) error {
	layout, store := m.blocks.staged()
	if store == nil {
		return ErrNoManifest
	}
	if !layout.Verify(b, data) {
		return fmt.Errorf("block %d does not match the manifest", b)
	}
	if b < m.blocks.first {
		return nil // index or manifest, which are there
	}
	if err := store.WriteBlock(b, data); err != nil {
		return fmt.Errorf("storing block %d: %w", b, err)
	}
	m.r.supplied(b, len(data))
	return nil
}
