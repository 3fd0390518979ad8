package send

import (
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Bounds of repair for blocks that came with a wrong digest (security.md M4).
const (
	mostForgedAsk = 4  // symbols that a device may lack of such a block at once: two for each symbol in doubt
	mostForgedOf  = 24 // symbols of such a block in all: three rounds, and what is lost or has a forged one's index
)

// claims has the reports of devices about blocks with a wrong digest. If a report is true, the device is
// not to blame; one alone may be false. So it counts once a second device reports the same block, or in a
// group of fewer than three.
type claims struct {
	of       []claim // by block; nil: nobody has claimed anything
	claimed  int     // blocks
	believed int     // of them
	doubtful int     // symbols served for blocks that only one device speaks of
}

// claim is what is said of a block.
type claim struct {
	by       Device // the first that said so
	made     bool
	believed bool
	given    uint8 // symbols
}

// forgedAsk says whether a NACK is for the symbols that locate forged ones.
func forgedAsk(f *wire.Feedback, n wire.NACK) bool {
	return f.Flags&wire.FeedbackMismatch != 0 && n.Deficit <= mostForgedAsk
}

// claim notes that a device had a block with a wrong digest.
func (s *Sender) claim(d *device, b protocol.BlockNumber) *claim {
	all := &s.forged
	if all.of == nil {
		all.of = make([]claim, s.cfg.Blocks)
	}
	c := &all.of[b]
	if !c.made {
		c.made, c.by = true, d.id
		all.claimed++
	}
	if !c.believed && (c.by != d.id || len(s.devices.order) < outlierGroup) {
		c.believed = true
		all.believed++
		all.doubtful -= int(c.given)
	}
	return c
}

// tolerate says whether to send repair that a device needs because of forged packets. It is not charged
// for it. The symbols of a block are bounded, and a report of one device alone gets a small share of the
// packets only: it may be false.
func (s *Sender) tolerate(c *claim, symbols int) bool {
	switch {
	case int(c.given)+symbols > mostForgedOf,
		!c.believed && s.forged.doubtful+symbols > outlierSlack+int(s.symbols/outlierShare):
		s.count.Refused++
		return false
	case !c.believed:
		s.forged.doubtful += symbols
	}
	c.given += uint8(symbols)
	return true
}

// Failed says whether blocks count as come with a wrong digest, all of them.
func (s *Sender) Failed(r protocol.Range) bool {
	if r.Count == 0 || uint64(r.First)+uint64(r.Count) > uint64(len(s.forged.of)) {
		return false
	}
	for b := r.First; b < r.End(); b++ {
		if !s.forged.of[b].believed {
			return false
		}
	}
	return true
}
