package sim

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// hear brings a group packet through the checks ("Order of checks" in docs/security.md).
func (d *device) hear(p *packet) {
	h, err := wire.ParseHeader(p.bytes)
	k := d.listener(h.Tag)
	switch {
	case err != nil || k == nil,
		h.Kind == wire.KindData && len(p.bytes) != d.w.plan.symbol+protocol.DataOverhead:
		d.w.count("packet: of no session")
		return
	case !k.machine.Accepts(h.Number):
		d.w.count("packet: number outside the window")
		return
	}
	_, body, err := k.keys.Open(nil, p.bytes)
	if err != nil {
		d.w.count("packet: does not open")
		return
	}
	now := d.w.clock.Now()
	if h.Kind == wire.KindSync {
		d.hearSync(now, k, p, body)
	} else if data, err := wire.ParseData(body); err == nil {
		d.assail(k, p, data)
		k.machine.HandleData(now, h.Number, data)
	}
	d.pump(k)
}

// listener gives the work that takes part in the session of a tag; nil for none.
func (d *device) listener(tag protocol.SessionTag) *work {
	for _, k := range d.listening {
		if k.offer.Tag == tag {
			return k
		}
	}
	return nil
}

// inSession gives the work that takes part in the session that runs; nil for none.
func (d *device) inSession() *work {
	if run := d.w.server.running(); run != nil && d.alive {
		if k := d.listener(run.offer.Tag); k != nil && k.offer.Session == run.offer.Session {
			return k
		}
	}
	return nil
}

func (d *device) hearSync(now time.Time, k *work, p *packet, body []byte) {
	sequence, err := seal.SyncSequence(body)
	if err != nil || sequence <= k.newest {
		d.w.count("packet: SYNC not newer")
		return
	}
	if p.sync == nil {
		m, err := k.keys.VerifySync(d.w.server.verify, body)
		if err != nil {
			d.w.count("packet: SYNC signature bad")
			return
		}
		p.sync = &m
	}
	k.newest = sequence
	m := *p.sync
	m.Repairs = append([]wire.Repair(nil), m.Repairs...)
	k.machine.HandleSync(now, m)
}

// eavesdrop is what a removed member does, who has kept every key: nothing that the server
// seals may open any more.
func (d *device) eavesdrop(p *packet) {
	if p.forged {
		return
	}
	for _, keys := range d.keys {
		if _, _, err := keys.Open(nil, p.bytes); err == nil {
			d.w.fail("device %d opens a packet that was sealed after its removal, or for others", d.i)
			return
		}
	}
	d.w.count("eavesdropper: packet that stays closed")
}

// lie makes a device's feedback ask for what it does not need.
func (d *device) lie(k *work, f *wire.Feedback) {
	if d.plan.stubborn {
		d.w.count("fault: stubborn lie")
		f.NACKs = append(f.NACKs, wire.NACK{Block: 1, Deficit: 1, HighParity: wire.NoParity})
		return
	}
	d.w.count("fault: lying NACK")
	blocks := k.blocks()
	for range d.rnd.IntN(20) {
		f.NACKs = append(f.NACKs, wire.NACK{
			Block: protocol.BlockNumber(d.rnd.IntN(blocks + 3)), Deficit: uint8(d.rnd.IntN(256)),
			HighParity: uint8(d.rnd.IntN(256)),
		})
	}
	if chance(d.rnd, 0.3) {
		f.Ranges = []protocol.Range{{First: 0, Count: uint32(blocks)}}
	}
	f.High = protocol.PacketNumber(d.rnd.Uint64() & protocol.MaxPacketNumber)
	f.Received = f.Declared / 2
	f.Verified = uint32(d.rnd.IntN(blocks + 1))
	f.Flags |= wire.FeedbackMismatch
}

// forge is a member who seals packets of his own with the session's key (security.md I1–I8):
// wrong bytes in right places, wrong places, numbers far off, SYNCs that nobody signed.
func (d *device) forge() {
	if d.w.calm {
		return
	}
	if k := d.inSession(); k != nil && d.w.server.members[d.i] {
		for range 1 + d.rnd.IntN(3) {
			d.w.count("fault: forged packet")
			d.w.broadcast(&packet{bytes: d.forgery(k), forged: true})
		}
		if chance(d.rnd, 0.2) {
			d.w.count("fault: forged SYNC")
			d.w.broadcast(&packet{bytes: d.forgedSync(k), forged: true})
		}
	}
	d.w.clock.After(within(d.rnd, 40*time.Millisecond), d.forge)
}

func (d *device) forgery(k *work) []byte {
	b := protocol.BlockNumber(d.rnd.IntN(k.blocks()))
	length := d.w.server.running().content.block(b)
	data := wire.Data{
		Block: b, Length: len(length), Index: protocol.SymbolIndex(d.rnd.IntN(256)),
		Symbol: make([]byte, d.w.plan.symbol),
	}
	if n := protocol.SourceSymbols(data.Length, d.w.plan.symbol); chance(d.rnd, 0.7) {
		data.Index = protocol.SymbolIndex(d.rnd.IntN(n + 1)) // where a genuine one will come
	}
	if chance(d.rnd, 0.2) {
		data.Length = 1 + d.rnd.IntN(protocol.MaxBlockLength)
	}
	for i := range data.Symbol {
		data.Symbol[i] = byte(d.rnd.Uint32())
	}
	h := wire.Header{Kind: wire.KindData, Tag: k.offer.Tag, Number: d.number()}
	return k.keys.Seal(nil, h, wire.AppendData(nil, data))
}

// number is near the genuine ones, or far off.
func (d *device) number() protocol.PacketNumber {
	near := d.w.server.running().sealed
	if chance(d.rnd, 0.2) {
		return protocol.MaxPacketNumber - protocol.PacketNumber(d.rnd.IntN(1000))
	}
	return near + protocol.PacketNumber(d.rnd.IntN(1000))
}

func (d *device) forgedSync(k *work) []byte {
	seed := make([]byte, 32)
	key, err := seal.SigningKeyFromSeed(seed) // any key but the server's
	if err != nil {
		d.w.fail("a forger's key: %v", err)
		return nil
	}
	return k.keys.SealSync(key, d.number(), wire.Sync{
		Sequence: k.newest + 1 + d.rnd.Uint64N(100), Flags: wire.SyncEnd, GRTT: 1 << 31,
		RangeLast: protocol.PacketNumber(1 << 40), WindowHigh: 1 << 31, Front: 1 << 31,
	})
}
