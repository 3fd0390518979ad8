package send_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/rate"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// lie is a feedback body with whatever a member may write into it.
func lie(flags byte, block, count uint32, deficit, high byte) []byte {
	return wire.AppendFeedback(nil, wire.Feedback{
		SyncSequence: uint64(block), High: protocol.PacketNumber(count), Verified: count, Declared: block, Received: count,
		Overrun: block,
		Flags:   wire.FeedbackFlags(flags),
		NACKs:   []wire.NACK{{Block: protocol.BlockNumber(block), Deficit: deficit, HighParity: high}},
		Ranges:  []protocol.Range{{First: protocol.BlockNumber(block), Count: count}, {First: 0, Count: count}},
		Bitmaps: []wire.Bitmap{{Block: protocol.BlockNumber(block), Missing: [25]byte{deficit, high}}},
	})
}

// FuzzFeedback: devices say whatever they like while a session runs. The machine sends only symbols
// that exist, owes a bounded amount, and never counts more devices than there are.
func FuzzFeedback(f *testing.F) {
	f.Add(byte(3), byte(40), lie(0, 1, 2, 3, wire.NoParity))
	f.Add(byte(1), byte(200), lie(byte(wire.FeedbackMismatch|wire.FeedbackMarked), 7, 1<<31, 255, 254))
	f.Add(byte(2), byte(9), lie(byte(wire.FeedbackDone|wire.FeedbackBar), 1<<31, 1<<32-1, 0, 0))
	const blocks, k = 40, 8
	f.Fuzz(func(t *testing.T, pace, times byte, raw []byte) {
		body, err := wire.ParseFeedback(raw)
		if err != nil {
			return
		}
		now := time.Unix(1000, 0)
		s := send.New(send.Config{
			Blocks: blocks, Head: 2, SymbolSize: 1408, Length: func(protocol.BlockNumber) int { return k * 1408 },
			Rate: rate.Config{Fixed: 50e6},
		}, now, rand.New(rand.NewPCG(1, uint64(pace))))
		for d := range 3 {
			s.Attach(now, send.Device(d), nil, true)
		}
		refs := make([]send.SymbolRef, 0, send.MaxTrain)
		for step := range int(times) {
			now = now.Add(time.Duration(pace) * time.Millisecond / 4)
			if step%3 == 0 {
				body.SyncSequence++
				body.High += protocol.PacketNumber(pace)
				s.HandleFeedback(now, send.Device(step%4), body) // one of them was never attached
			}
			for range 4 {
				train, ok := s.NextTrain(now, refs)
				for _, r := range train.Refs {
					if int(r.Block) >= blocks {
						t.Fatalf("block %d of %d is sent", r.Block, blocks)
					}
				}
				if !ok {
					break
				}
			}
			s.NextSync(now)
			s.HandleTimeout(now)
			for _, more := s.NextEvent(); more; _, more = s.NextEvent() {
			}
			st := s.Status()
			if st.Owed > blocks*256 || st.Devices > 3 || st.Done+st.Behind > 3 || st.Forged > 3 || st.Wanted > blocks {
				t.Fatalf("%+v", st)
			}
		}
	})
}
