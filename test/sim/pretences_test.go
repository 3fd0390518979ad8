package sim

import (
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// pretence is what a device claims in its feedback, whatever is true.
type pretence func(blocks int, f *wire.Feedback)

// pretences are those of which none may cost the others much.
var pretences = map[string]pretence{
	"overrun":   func(_ int, f *wire.Feedback) { f.Overrun = f.Declared/2 + 1 },
	"disk full": func(_ int, f *wire.Feedback) { f.Verified, f.Overrun, f.Backlog = 0, f.Declared, 65_535 },
	"60 % loss": func(blocks int, f *wire.Feedback) {
		f.Received = f.Declared * 4 / 10
		demand(blocks, f, 80, wire.NoParity)
	},
	"full deficits":    func(blocks int, f *wire.Feedback) { demand(blocks, f, 80, wire.NoParity) },
	"parity index 254": func(blocks int, f *wire.Feedback) { demand(blocks, f, 80, 254) },
	"mismatch": func(blocks int, f *wire.Feedback) {
		f.Flags |= wire.FeedbackMismatch
		demand(blocks, f, 2, wire.NoParity)
	},
	"everything": func(blocks int, f *wire.Feedback) {
		f.Ranges = []protocol.Range{{First: 0, Count: uint32(blocks)}}
	},
}

// demand asks for symbols of every block, as far as one packet holds.
func demand(blocks int, f *wire.Feedback, deficit, parity uint8) {
	for b := range min(90, blocks) {
		f.NACKs = append(f.NACKs, wire.NACK{Block: protocol.BlockNumber(b), Deficit: deficit, HighParity: parity})
	}
}

// pretend makes a device's feedback say what its plan pretends.
func (d *device) pretend(k *work, f *wire.Feedback) {
	if d.plan.pretends == nil {
		return
	}
	f.Flags &^= wire.FeedbackDone
	d.plan.pretends(k.blocks(), f)
}
