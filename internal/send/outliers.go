package send

import (
	"fmt"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Bounds of what one device may demand (security.md F1).
const (
	outlierShare   = 25                        // repair for outliers may be 1/25 of the packets …
	outlierSlack   = 512                       // … and so many symbols
	outlierGroup   = 3                         // devices from which on there are outliers
	lossLag        = 2 * protocol.SyncInterval // reports speak of packets so old
	leastSuspicion = 500 * time.Millisecond    // an outlier is one for so long
	maxUntold      = 600 * time.Millisecond    // more than that has to be reported on
	untoldLoss     = 0.6                       // of it may turn out to be lost
	fruitlessLimit = 24                        // symbols of one block that changed nothing
	fruitlessAsks  = 3
	fruitlessLoss  = 0.6  // more reported loss than this explains fruitless repair
	fruitSlack     = 2048 // symbols
)

// ask is what a device said last of a block.
type ask struct {
	block     uint32
	deficit   uint8
	parity    uint8 // rows used then
	count     uint8 // asks in a row that were not fewer
	fruitless uint8 // symbols sent meanwhile
}

// afford checks a device that was charged with repair that no other device has asked for so far. It
// refuses repair that is out of proportion to what the device lost or to the demand of the others, and
// leaves the device behind if that lasts.
func (s *Sender) afford(now time.Time, d *device) bool {
	switch {
	case d.fruit > 3*s.wantedSymbols()+fruitSlack:
		s.leave(now, d, CauseInconsistent, "inconsistent feedback: it asks again and again and stores nothing")
	case s.excessive(d):
		s.accuse(now, d)
	case !s.outlier(d):
		if !s.lossier(d) {
			d.suspect = time.Time{}
		}
		return true
	case d.suspect.IsZero():
		s.measure() // the others may not have reported yet what all of them lose
		d.suspect = now
	case now.Sub(d.suspect) > max(2*s.reportInterval(), leastSuspicion):
		s.leave(now, d, CauseLoss, d.outlierReason())
	}
	return false
}

// accuse distinguishes a device that lost its network for a while from one with an impossible demand:
// the former has not reported on what was sent meanwhile.
func (s *Sender) accuse(now time.Time, d *device) {
	untold := float64(s.symbols-d.from) - d.declared
	if float64(d.charged) <= d.lost+untold {
		s.leave(now, d, CauseLoss, "it asks for more than it has reported as lost: its network was away")
		return
	}
	s.leave(now, d, CauseInconsistent, "inconsistent feedback: it asks for far more than it says it lost")
}

func (d *device) outlierReason() string {
	if d.whole > d.charged {
		return "it misses whole blocks: its network was away, or it cannot keep up"
	}
	return fmt.Sprintf("it loses %.1f %% of the packets, far more than the others", 100*d.loss)
}

func (s *Sender) wantedSymbols() int {
	return s.wanted.Count() * s.k(s.someBlock())
}

// outlier says whether one device of three or more demands more than 4 % of the packets, while it loses
// far more than the others, or lacked whole blocks, and hardly any other demands half as much.
func (s *Sender) outlier(d *device) bool {
	demand := d.charged + d.whole
	limit := outlierSlack + d.credit + int(s.symbols/outlierShare)
	if len(s.devices.order) < outlierGroup || demand <= limit || !s.lossier(d) && d.whole <= d.charged {
		return false
	}
	like := 0
	for _, o := range s.devices.order {
		if o.charged+o.whole >= demand/2 || o.behind == CauseLoss {
			like++
		}
	}
	return like < max(2, (len(s.devices.order)+19)/20)
}

// lossier: it loses far more than the others.
func (s *Sender) lossier(d *device) bool { return d.loss > 2*s.median+0.02 }

// excessive: it asks for far more than it says it lost.
func (s *Sender) excessive(d *device) bool {
	since := float64(s.symbols - d.from)
	a := float64(s.control.Rate()) / float64(s.cfg.FrameBytes) // packets a second
	untold := min(float64(s.symbols-d.told)+a*lossLag.Seconds(), a*maxUntold.Seconds(), since)
	lost := 2*d.lost/max(d.declared, 1)*since + untoldLoss*untold
	return d.charged > outlierSlack+d.credit+int(s.symbols/outlierShare)+int(lost)
}

// inconsistent: symbols were sent as asked, they arrive by the device's own reports, and
// still it lacks no fewer.
func (s *Sender) inconsistent(now time.Time, d *device, n wire.NACK) bool {
	a := d.remember(uint32(n.Block))
	sent := s.parity[n.Block] - a.parity
	if a.count == 0 || n.Deficit < a.deficit {
		*a = ask{block: a.block, deficit: n.Deficit, parity: s.parity[n.Block], count: 1}
		return false
	}
	a.count = min(a.count+1, 250)
	a.fruitless = uint8(min(int(a.fruitless)+int(sent), 255))
	a.deficit, a.parity = n.Deficit, s.parity[n.Block]
	if a.count <= fruitlessAsks || a.fruitless < fruitlessLimit || d.loss > fruitlessLoss {
		return false
	}
	s.leave(now, d, CauseInconsistent,
		fmt.Sprintf("inconsistent feedback: %d symbols of block %d changed nothing", a.fruitless, n.Block))
	return true
}

// remember finds what the device said of a block, or makes room for it.
func (d *device) remember(b uint32) *ask {
	for i := range d.asks {
		if d.asks[i].count > 0 && d.asks[i].block == b {
			return &d.asks[i]
		}
	}
	a := &d.asks[d.nextAsk]
	d.nextAsk = (d.nextAsk + 1) % rememberedAsks
	*a = ask{block: b}
	return a
}
