package sender

import (
	"testing"

	"github.com/groupcast/groupcast/internal/content/contenttest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/send"
)

// A train is loaded, sealed and written with a few allocations for the system call, none
// for its packets.
func TestTrainsDoNotAllocatePerPacket(t *testing.T) {
	r := newRig(t, contenttest.New(t, 2<<20), testRate)
	b := r.sender.packetizer
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
	b.release()
	if err := b.writer.end(); err != nil {
		t.Fatal(err)
	}
	if got > 4 {
		t.Errorf("%v allocations for a train of %d packets", got, len(refs))
	}
}
