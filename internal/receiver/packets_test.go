package receiver

import (
	"net/netip"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

func TestPacketsAreDroppedForAReason(t *testing.T) {
	o := newOrigin(t, 1<<20)
	r := o.idleReceiver()
	whole := make([]byte, int(o.offer.SymbolSize)+protocol.DataHeaderBytes)
	forged := o.packet(wire.KindData, 5, whole)
	forged[40]++
	other := o.packet(wire.KindData, 6, whole)
	other[2]++
	for _, c := range []struct {
		want string
		from netip.AddrPort
		p    []byte
	}{
		{"length", o.from, o.packet(wire.KindData, 1, whole[1:])},
		{"kind", o.from, o.packet(wire.KindDigest, 2, whole)},
		{"source", netip.MustParseAddrPort("192.0.2.1:1"), o.packet(wire.KindData, 3, whole)},
		{"number", o.from, o.packet(wire.KindData, 1<<40, whole)},
		{"key", o.from, forged},
		{"tag", o.from, other},
		{"sequence", o.from, o.sync(1, 1)}, // that of the hand-out, heard again
		{"signature", o.from, o.forgedSync(1<<40, 9)},
		{"body", o.from, o.packet(wire.KindData, 7, whole)}, // a block of no bytes
	} {
		t.Run(c.want, func(t *testing.T) {
			before := r.Status().Drops[c.want]
			if got := drop(r, c.from, c.p); got[c.want] != before+1 {
				t.Errorf("counted %v", got)
			}
		})
	}
}

func TestSignatureChecksAreBounded(t *testing.T) {
	o := newOrigin(t, 1<<20)
	r := o.idleReceiver()
	p := o.forgedSync(1<<40, 9)
	for range 3 * maxCandidates {
		hear(r, o.from, p, len(p))
	}
	if got := r.Status().Drops; got["signature"] != maxCandidates || got["budget"] != 2*maxCandidates {
		t.Errorf("%v", got)
	}
}

// TestAnotherPortIsAnotherSource: once SYNCs have shown the server's port, data from another one of
// the same address is not taken. A SYNC of the server heard again from there takes nothing away.
func TestAnotherPortIsAnotherSource(t *testing.T) {
	o := newOrigin(t, 1<<20)
	r := o.idleReceiver()
	server, other, third := o.from, netip.AddrPortFrom(loopback, 7001), netip.AddrPortFrom(loopback, 7002)
	data := func(n protocol.PacketNumber) []byte {
		body := wire.AppendData(nil, wire.Data{Block: 0, Length: 100, Symbol: make([]byte, o.offer.SymbolSize)})
		return o.packet(wire.KindData, n, body)
	}
	if got := drop(r, other, data(1)); got["source"] != 0 {
		t.Errorf("before the port is known: %v", got)
	}
	drop(r, server, o.sync(20, 2000))
	if got := drop(r, server, data(2001)); got["source"] != 0 {
		t.Errorf("from the server: %v", got)
	}
	if got := drop(r, other, data(2002)); got["source"] != 1 {
		t.Errorf("from another port: %v", got)
	}
	drop(r, other, o.sync(21, 2100)) // heard again from there, ahead of the server's own
	if got := drop(r, server, data(2003)); got["source"] != 1 {
		t.Errorf("from the server after a SYNC of its was repeated: %v", got)
	}
	for range 3 * (ownVerify + openVerify) { // wrong signatures, from elsewhere
		drop(r, third, o.forgedSync(22, 2200))
	}
	drop(r, server, o.sync(22, 2200))
	if got := r.format.(*manifestSession).syncs.newest; got != 22 {
		t.Errorf("the newest SYNC is %d", got)
	}
}

func TestPacketsDoNotAllocate(t *testing.T) {
	o := newOrigin(t, 2<<20)
	r, run, size := o.packetRun()
	at, now := arrival{from: o.from, segment: size}, time.Now()
	list, once := make([]opened, 0, len(run)/size), make([]byte, len(run))
	got := testing.AllocsPerRun(100, func() {
		copy(once, run)
		list = r.open(list[:0], now, at, once)
		r.take(at, list)
	})
	if got > 1 {
		t.Errorf("%v allocations for %d packets", got, len(run)/size)
	}
}

// packetRun is a receiver and a run of 40 sealed packets for it, as one read gives them.
func (o *origin) packetRun() (r *Receiver, run []byte, size int) {
	r = o.idleReceiver()
	const perRun = 40
	size = int(o.offer.SymbolSize) + protocol.DataOverhead
	for n := range perRun {
		body := wire.AppendDataHeader(nil, 1, len(o.content.Block(1)), protocol.SymbolIndex(n))
		body = append(body, make([]byte, o.offer.SymbolSize)...)
		run = append(run, o.packet(wire.KindData, protocol.PacketNumber(n+2), body)...)
	}
	r.armed = time.Now() // no wake-ups in between
	return r, run, size
}
