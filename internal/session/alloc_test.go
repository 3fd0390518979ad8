package session

import (
	"net/netip"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// A train is loaded, sealed and written with a few allocations for the system call, none
// for its packets.
func TestTrainsDoNotAllocatePerPacket(t *testing.T) {
	c := newContent(t, 2<<20)
	r := newRig(t, c, testRate)
	b := r.sender.builder
	go b.writer.run(t.Context())
	refs := make([]send.SymbolRef, b.maxRefs())
	k := protocol.SourceSymbols(protocol.BlockSize, protocol.DefaultSymbol)
	for i := range refs {
		refs[i] = send.SymbolRef{Block: 3, Index: protocol.SymbolIndex(k - len(refs) + rowGroup + i)} // parity too
	}
	number := protocol.PacketNumber(1)
	got := testing.AllocsPerRun(100, func() {
		if err := b.send(t.Context(), send.Train{First: number, Refs: refs}); err != nil {
			t.Fatal(err)
		}
		number += protocol.PacketNumber(len(refs))
	})
	b.let()
	if err := b.writer.end(); err != nil {
		t.Fatal(err)
	}
	if got > 4 {
		t.Errorf("%v allocations for a train of %d packets", got, len(refs))
	}
}

func TestPacketsDoNotAllocate(t *testing.T) {
	rec, from, run, size := packetRun(t)
	got := testing.AllocsPerRun(100, func() { rec.packets(arrival{from: from, segment: size}, run) })
	if got > 1 {
		t.Errorf("%v allocations for %d packets", got, len(run)/size)
	}
}

// BenchmarkPackets is a run of 40 packets from where the socket's reader hands them over:
// checked, opened, and given to the machine, which has them already after the first time.
func BenchmarkPackets(b *testing.B) {
	rec, from, run, size := packetRun(b)
	b.SetBytes(int64(len(run)))
	b.ReportAllocs()
	for b.Loop() {
		rec.packets(arrival{from: from, segment: size}, run)
	}
}

// packetRun is a receiver and a run of 40 sealed packets for it, as one read gives them.
func packetRun(t testing.TB) (rec *Receiver, from netip.AddrPort, run []byte, size int) {
	c := newContent(t, 2<<20)
	r := newRig(t, c, testRate)
	rec = r.receiver(r.intake(nil), newShelf(c), nil)
	t.Cleanup(func() {
		rec.close()
		_ = rec.reporter.Close()
	})
	const perRun = 40
	size = int(r.sender.offer.SymbolSize) + protocol.DataOverhead
	for n := range perRun {
		body := wire.AppendDataHeader(nil, 1, len(c.block(1)), protocol.SymbolIndex(n))
		body = append(body, make([]byte, r.sender.offer.SymbolSize)...)
		h := wire.Header{Kind: wire.KindData, Tag: r.sender.offer.Tag, Number: protocol.PacketNumber(n + 2)}
		run = r.sender.seal.Seal(run, h, body)
	}
	rec.armed = time.Now() // no wake-ups in between
	return rec, netip.AddrPortFrom(r.sender.offer.Source, 1), run, size
}
