//go:build linux

package attacker

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// forger forges packets of one session: they bear the server's address and port and open with the
// session's key.
type forger struct {
	*Session
	member *Member
	spoof  *spoofer
	packet []byte
	high   protocol.PacketNumber // highest number heard
	report *Report
	mu     *sync.Mutex // the report's

	slot    uint8  // of the newest data packet, in a session with MACs …
	index   uint32 // … and the newest element that was disclosed
	element format2.Element
}

// run attaches as a member and calls each for every genuine packet of every session.
func run(ctx context.Context, p Plan, r *Report, each func(*forger, heard)) error {
	m, err := Login(ctx, p)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	return m.attach(ctx, func(ctx context.Context, s *Session) {
		mu.Lock()
		r.Sessions = append(r.Sessions, s.Keys)
		mu.Unlock()
		f := &forger{Session: s, member: m, packet: make([]byte, 0, 2048), report: r, mu: &mu}
		err := s.hear(ctx, func(h heard) {
			mu.Lock()
			defer mu.Unlock()
			if f.spoof == nil {
				if f.spoof, err = newSpoofer(h.from, s.Offer.GroupAddr); err != nil {
					say("spoofing: %v", err)
					return
				}
			}
			r.Heard++
			f.high = max(f.high, h.header.Number)
			f.learn(h)
			each(f, h)
		})
		say("session %s: %v", s.Offer.Session, err)
	})
}

// put seals a body and sends it as the server's.
func (f *forger) put(kind wire.Kind, number protocol.PacketNumber, body []byte) {
	f.packet = f.Seal.Seal(f.packet[:0], wire.Header{Kind: kind, Tag: f.Offer.Tag, Number: number}, body)
	f.report.Sent++
	if f.spoof.send(f.packet) != nil {
		f.report.Failed++
	}
}

// symbol forges a symbol of a block.
func (f *forger) symbol(number protocol.PacketNumber, block protocol.BlockNumber, length int,
	index protocol.SymbolIndex,
) {
	junk := make([]byte, f.Offer.SymbolSize)
	_, _ = rand.Read(junk)
	body := wire.AppendData(nil, wire.Data{Block: block, Length: length, Index: index, Symbol: junk})
	f.put(wire.KindData, number, f.mark(number, body))
}

// learn notes what a forger of MACs needs of a genuine packet.
func (f *forger) learn(h heard) {
	switch {
	case !f.Offer.marked():
	case h.header.Kind == wire.KindData:
		f.slot = h.mac.Slot
	case h.header.Kind == wire.KindSync:
		_, f.index, f.element, _ = format2.ParseSyncHead(h.body)
	}
}

// mark adds a MAC to a forged body, in a session with MACs: in turn a random one, and of the newest element that is
// known, in the present slot and in its own.
func (f *forger) mark(number protocol.PacketNumber, body []byte) []byte {
	if !f.Offer.marked() {
		return body
	}
	slot := uint32(f.slot)
	if f.report.Sent%3 == 2 {
		slot = f.index
	}
	h := wire.Header{Kind: wire.KindData, Tag: f.Offer.Tag, Number: number}
	plain := append(append(format2.AppendHeader(nil, h), body...), byte(slot))
	m := f.Seal.MACKey(slot, f.element).Sum(number, plain)
	if f.report.Sent%3 == 0 {
		_, _ = rand.Read(m.Tag[:])
	}
	return format2.AppendMAC(body, m)
}

func (f *forger) k(length int) int {
	return (length + int(f.Offer.SymbolSize) - 1) / int(f.Offer.SymbolSize)
}

// listen holds the keys and hears, and forges nothing: the quiet run.
func listen(ctx context.Context, p Plan, r *Report) error {
	return run(ctx, p, r, func(*forger, heard) {})
}

// onceABlock calls each for the first genuine packet of every block.
func onceABlock(ctx context.Context, p Plan, r *Report, each func(*forger, wire.Data)) error {
	seen := make(map[*forger]map[protocol.BlockNumber]bool)
	return run(ctx, p, r, func(f *forger, h heard) {
		if h.header.Kind != wire.KindData {
			return
		}
		if seen[f] == nil {
			seen[f] = make(map[protocol.BlockNumber]bool)
		}
		if !seen[f][h.data.Block] {
			seen[f][h.data.Block] = true
			r.Blocks++
			each(f, h.data)
		}
	})
}

// forgeParity forges the first parity symbols of every block as soon as the block begins.
func forgeParity(ctx context.Context, p Plan, r *Report) error {
	return onceABlock(ctx, p, r, func(f *forger, d wire.Data) {
		for i := range p.PerBlock {
			f.symbol(f.high+1, d.Block, d.Length, protocol.SymbolIndex(f.k(d.Length)+i))
		}
	})
}

// forgeSource forges the last source symbols of every block before the genuine ones come: of the
// block that begins and of the two behind it.
func forgeSource(ctx context.Context, p Plan, r *Report) error {
	return onceABlock(ctx, p, r, func(f *forger, d wire.Data) {
		for ahead := range 3 {
			for i := range p.PerBlock {
				f.symbol(f.high+1, d.Block+protocol.BlockNumber(ahead), d.Length, protocol.SymbolIndex(f.k(d.Length)-1-i))
			}
		}
	})
}

// forgeNumbers repeats genuine content under numbers that were never sent: the last there is, the
// last that is accepted, and gaps ahead.
func forgeNumbers(ctx context.Context, p Plan, r *Report) error {
	return run(ctx, p, r, func(f *forger, h heard) {
		if h.header.Kind != wire.KindData || r.Heard%16 != 0 {
			return
		}
		body := append([]byte(nil), h.body...)
		for _, n := range []protocol.PacketNumber{
			protocol.MaxPacketNumber, f.high + protocol.NumbersAhead - 1024,
			f.high + 5000, f.high + 40,
		} {
			f.put(wire.KindData, n, body)
		}
	})
}

// forgeBlocks sends the first symbols of thousands of blocks ahead of the genuine ones, and
// symbols of wrong lengths.
func forgeBlocks(ctx context.Context, p Plan, r *Report) error {
	var next protocol.BlockNumber
	return run(ctx, p, r, func(f *forger, h heard) {
		if h.header.Kind != wire.KindData || r.Sent > p.Count*2 {
			return
		}
		all := protocol.BlockNumber(max(f.Offer.Blocks, 1))
		for range 4 {
			next = (next + 1) % all
			f.symbol(f.high+1, next, protocol.BlockSize, protocol.SymbolIndex(next%3))
			f.symbol(f.high+1, next, 1+int(next)*977%protocol.BlockSize, 0)
		}
		r.Blocks = r.Sent / 2
	})
}

// forgeSync sends SYNCs that no server signed, as many a second as the plan says, with the
// sequence numbers that come next: END, a GRTT of an hour, an advertisement of 255 symbols; and
// genuine ones again under new packet numbers.
func forgeSync(ctx context.Context, p Plan, r *Report) error {
	var flooding bool
	var newest uint64
	var head []byte // of the genuine one that was heard last
	return run(ctx, p, r, func(f *forger, h heard) {
		if h.header.Kind != wire.KindSync {
			return
		}
		newest = max(newest, f.sequenceOf(h.body))
		head = append(head[:0], h.body...)
		f.put(wire.KindSync, f.high+1, head)
		if flooding {
			return
		}
		flooding = true
		go pace(ctx, p.Rate, func(i int) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.put(wire.KindSync, f.high+1, f.unsignedSync(newest+1+uint64(i%4), head))
		})
	})
}

// unsignedSync is one that says what harms most and is signed by nobody, in the session's format. Of format 2 it
// has the element that was heard last, which is known to everybody, or one that is none.
func (f *forger) unsignedSync(sequence uint64, head []byte) []byte {
	if f.Offer.Paged != nil {
		return unsignedSync2(sequence, head)
	}
	body := binary.BigEndian.AppendUint64(nil, sequence)
	body = wire.AppendSyncBody(body, wire.Sync{
		Sequence: sequence, Flags: wire.SyncEnd | wire.SyncPassDone, GRTT: uint32(time.Hour / time.Microsecond),
		GroupSize: 1 << 30,
		Repairs:   []wire.Repair{{Block: 0, Symbols: 255}},
	})
	signature := make([]byte, wire.SignatureBytes)
	_, _ = rand.Read(signature)
	return append(body, signature...)
}

func unsignedSync2(sequence uint64, head []byte) []byte {
	_, index, element, err := format2.ParseSyncHead(head)
	if err != nil || sequence%4 == 0 {
		index++
		_, _ = rand.Read(element[:])
	}
	body := format2.AppendSync(nil, format2.Sync{
		Sync: wire.Sync{
			Sequence: sequence, GRTT: uint32(time.Hour / time.Microsecond), GroupSize: 1 << 30,
			Repairs: []wire.Repair{{Block: 0, Symbols: 255}},
		},
		Flags: format2.SyncEnd | format2.SyncPassDone, Index: index, Element: element,
		Pages: 3, PageFront: 3, Lengths: []int{format2.MinPageBytes, format2.MaxPageBytes, format2.MinPageBytes},
	}, format2.MaxSync(protocol.DefaultSymbol))
	signature := make([]byte, wire.SignatureBytes)
	_, _ = rand.Read(signature)
	return append(body, signature...)
}

// pace calls each so many times a second until ctx ends.
func pace(ctx context.Context, rate int, each func(i int)) {
	started, done := time.Now(), 0
	for tick := time.NewTicker(2 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		due := int(time.Since(started).Seconds() * float64(rate))
		if due-done > rate/10 { // what a busy machine kept us from doing is not made up for
			done = due - rate/10
		}
		for ; done < due && ctx.Err() == nil; done++ {
			each(done)
		}
	}
}
