package send

import (
	"math"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Bounds of the parity that is sent unasked.
const (
	headExtra     = 2    // symbols: everything waits for index and manifest
	minLoss       = 5e-4 // less loss is not worth parity
	spareTarget   = 0.15 // share of the blocks that may turn out to have needed less
	learnStep     = 0.12
	lowestBias    = -2.5 // standard deviations
	maxUnsettled  = 256  // groups
	tailBlocks    = 16   // of the end of a pass: what is lost there costs a round trip
	tailExtraBias = 0.7
)

// learner adapts how many standard deviations above the mean loss the proactive parity is: receivers
// with correlated losses need less than receivers with independent ones, and bursts need more than a
// binomial distribution says. It observes which blocks needed NACKs all the same.
type learner struct {
	bias  float64
	open  []settled
	asked map[protocol.BlockNumber]bool // of the open groups
	most  float64                       // bias never passes this
}

// settled is a group that was sent; at due it is known which of its blocks were asked for.
type settled struct {
	due    time.Time
	blocks []protocol.BlockNumber
}

// sent notes a group that may have to be asked for, though parity was sent unasked.
func (l *learner) sent(due time.Time, group []member) {
	if len(l.open) == maxUnsettled {
		return
	}
	var blocks []protocol.BlockNumber
	for _, m := range group {
		if m.k >= 16 {
			blocks = append(blocks, m.block)
		}
	}
	if blocks == nil {
		return
	}
	if l.asked == nil {
		l.asked = make(map[protocol.BlockNumber]bool)
	}
	for _, b := range blocks {
		l.asked[b] = false
	}
	l.open = append(l.open, settled{due, blocks})
}

// heard notes that a block was asked for.
func (l *learner) heard(b protocol.BlockNumber) {
	if _, ok := l.asked[b]; ok {
		l.asked[b] = true
	}
}

// judge moves the bias by the results of groups that are complete.
func (l *learner) judge(now time.Time) {
	for len(l.open) > 0 && !now.Before(l.open[0].due) {
		for _, b := range l.open[0].blocks {
			if l.asked[b] {
				l.bias += learnStep * spareTarget
			} else {
				l.bias -= learnStep * (1 - spareTarget)
			}
			delete(l.asked, b)
		}
		l.bias = min(max(l.bias, lowestBias), l.most)
		l.open = l.open[1:]
	}
}

// unasked is how many parity symbols go out with a block before anybody asks.
func (s *Sender) unasked(b protocol.BlockNumber, k int) int {
	if s.cfg.ProactiveMax < 0 {
		return 0
	}
	n := 0
	if p := s.loss; p >= minLoss {
		sd := math.Sqrt(float64(k)*p*(1-p)) / (1 - p)
		bias := s.parityQ.bias
		if s.pass.todo.Count() < tailBlocks {
			bias += tailExtraBias
		}
		n = int(math.Round(float64(k)*p/(1-p) + bias*sd))
		n = min(max(n, 0), int(float64(k)*s.cfg.ProactiveMax))
	}
	if int(b) < s.cfg.Head {
		n = max(n, headExtra)
	}
	if s.isPage(b) {
		n = max(n, pagesOf(k))
	}
	return min(n, s.rows(b, k))
}

// expectedMax is the expected maximum of n standard normal variables: how far above the mean the worst
// of n independent receivers is.
func expectedMax(n int) float64 {
	table := [...]float64{
		0, .56, 1.03, 1.42, 1.77, 2.07, 2.34, 2.59, 2.82, 3.04, 3.24, 3.44, 3.62, 3.80, 3.97, 4.13, 4.28, 4.42,
	}
	if n < 1 {
		return 0
	}
	x := math.Log2(float64(n))
	i := int(x)
	if i >= len(table)-1 {
		return table[len(table)-1]
	}
	return table[i] + (x-float64(i))*(table[i+1]-table[i])
}
