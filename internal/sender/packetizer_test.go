package sender

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/groupcast/groupcast/internal/content/contenttest"
	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// A train is loaded, sealed and written with a few allocations for the system call, none
// for its packets.
func TestTrainsDoNotAllocatePerPacket(t *testing.T) {
	r := newRig(t, contenttest.New(t, 2<<20), testRate)
	b := r.sender.packetizer
	go b.writer.run(t.Context())
	b.load(t, 3)
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
	if err := b.writer.end(); err != nil {
		t.Fatal(err)
	}
	if got > 4 {
		t.Errorf("%v allocations for a train of %d packets", got, len(refs))
	}
}

// TestPacketsCarryTheirSymbols: each packet of a train opens to the symbol that was asked for, from the
// block or its parity, and enough of them give the block.
func TestPacketsCarryTheirSymbols(t *testing.T) {
	c := contenttest.New(t, 1<<20)
	r := newRig(t, c, testRate)
	p := r.sender.packetizer
	size := int(r.sender.offer.SymbolSize)
	for _, block := range []protocol.BlockNumber{0, 1, 2, protocol.BlockNumber(c.Layout.Blocks() - 1)} {
		t.Run(fmt.Sprintf("block %d", block), func(t *testing.T) {
			data := c.Block(block)
			p.load(t, block)
			k := protocol.SourceSymbols(len(data), size)
			lost := min(k, rowGroup+2) // more than one group of rows
			var symbols []fec.Symbol
			for n := range k {
				index := protocol.SymbolIndex(n)
				if n < lost {
					index = protocol.SymbolIndex(k + n)
				}
				p.train = make([]byte, 0, p.packet)
				number := protocol.PacketNumber(1000*int(block) + n + 1)
				if err := p.add(send.SymbolRef{Block: block, Index: index}); err != nil {
					t.Fatal(err)
				}
				if err := p.writer.sealTrain(batch{packets: p.train, size: p.packet, first: number}, nil); err != nil {
					t.Fatal(err)
				}
				d := r.opened(p.train, number)
				if d.Block != block || d.Index != index || d.Length != len(data) {
					t.Fatalf("symbol %d: it is %d of block %d with %d bytes", index, d.Index, d.Block, d.Length)
				}
				symbols = append(symbols, fec.Symbol{Index: index, Data: slices.Clone(d.Symbol)})
			}
			got := make([]byte, len(data))
			if err := fec.NewCode().Reconstruct(symbols, k, size, got); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, data) {
				t.Error("the symbols give other bytes")
			}
		})
	}
}

// load has a block in memory, as the loop and a reader would.
func (p *packetizer) load(t testing.TB, b protocol.BlockNumber) {
	t.Helper()
	c := p.cache
	c.clock++
	if !c.keep(b) {
		n := len(c.source.(*contenttest.Content).Block(b))
		if !c.order(b, n, func(protocol.BlockNumber) {}) {
			t.Fatalf("no room for block %d", b)
		}
		readOne(c)
	}
	if _, err := c.get(b); err != nil {
		t.Fatal(err)
	}
}

// opened opens a packet as a receiver does.
func (r *rig) opened(packet []byte, number protocol.PacketNumber) wire.Data {
	r.t.Helper()
	h, body, err := r.sender.seal.Open(nil, packet)
	if err != nil || h.Number != number || h.Kind != wire.KindData || len(packet) != r.sender.packetizer.packet {
		r.t.Fatalf("packet of %d bytes: %+v, %v", len(packet), h, err)
	}
	d, err := wire.ParseData(body)
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// BenchmarkStageSealing is what is in front of the socket at the sender: symbols of blocks in memory are
// put into trains, which several goroutines seal. Compare -cpu 1,2,4.
func BenchmarkStageSealing(b *testing.B) {
	r := newRig(b, contenttest.New(b, 2<<20), testRate)
	p := r.sender.packetizer
	trains := make(chan batch, buffers())
	var all sync.WaitGroup
	for range writers() {
		all.Go(func() {
			for t := range trains {
				if err := p.writer.sealTrain(t, nil); err != nil {
					b.Error(err)
				}
				p.writer.free <- t.packets
			}
		})
	}
	p.load(b, 3)
	refs := make([]send.SymbolRef, p.maxRefs())
	for i := range refs {
		refs[i] = send.SymbolRef{Block: 3, Index: protocol.SymbolIndex(i)}
	}
	b.SetBytes(int64(len(refs) * p.packet))
	number := protocol.PacketNumber(1)
	for b.Loop() {
		var err error
		if p.train, err = p.writer.buffer(b.Context()); err != nil {
			b.Fatal(err)
		}
		for _, ref := range refs {
			if err := p.add(ref); err != nil {
				b.Fatal(err)
			}
		}
		trains <- batch{packets: p.train, size: p.packet, first: number}
		number += protocol.PacketNumber(len(refs))
	}
	close(trains)
	all.Wait()
}
