package send

import (
	"fmt"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// A device is deaf to data after so many reports in a row in which next to nothing arrived.
const (
	deafReports = 4
	deafPackets = 512
)

// rangesGap is the least time between two lists of ranges of one device, and mostRanged how many
// blocks of one are looked at: those beyond are asked for again.
const (
	rangesGap  = 50 * time.Millisecond
	mostRanged = 1 << 16
)

// HandleFeedback takes a device's report and NACKs; what is out of bounds is counted and
// otherwise ignored (security.md F1).
func (s *Sender) HandleFeedback(now time.Time, dev Device, f wire.Feedback) {
	d := s.devices.by[dev]
	if d == nil || s.over {
		return
	}
	s.count.Feedback++
	s.excuseMany(now, d)
	d.heard = now
	s.wake(now)
	s.report(now, d, f)
	if d.done {
		return
	}
	if f.Flags&wire.FeedbackDone != 0 {
		s.complete(now, d, "it stored everything")
		return
	}
	if d.behind == CauseSilent && now.Sub(d.highAt) < checkInterval {
		s.back(now, d)
	}
	if len(f.NACKs)+len(f.Ranges)+len(f.Bitmaps) == 0 || !d.waited() {
		return
	}
	s.count.NACKs++
	high := min(f.High, s.number-1)
	for i := range f.NACKs {
		s.ask(now, d, f.NACKs[i], high, bitmapOf(f.Bitmaps, f.NACKs[i].Block), forgedAsk(&f, f.NACKs[i]))
		if !d.waited() {
			return
		}
	}
	s.askRanges(now, d, f, high)
}

func bitmapOf(bitmaps []wire.Bitmap, b protocol.BlockNumber) *[25]byte {
	for i := range bitmaps {
		if bitmaps[i].Block == b {
			return &bitmaps[i].Missing
		}
	}
	return nil
}

// report takes what a device says of itself.
func (s *Sender) report(now time.Time, d *device, f wire.Feedback) {
	if high := min(f.High, s.number-1); high > d.high {
		d.high, d.highAt = high, now
	}
	if v := min(int(f.Verified), s.cfg.Blocks); v > d.verified {
		d.verified, d.moved = v, now
	}
	if d.verified > d.stored {
		d.stored, d.fruit = d.verified, 0
	}
	if f.Flags&wire.FeedbackBar != 0 && int(f.Verified) >= d.verified { // else it was overtaken on its way
		d.bar = f.Bar
	}
	d.forged = d.forged || f.Flags&wire.FeedbackMismatch != 0
	d.delay = time.Duration(f.Delay) * time.Microsecond
	d.overrun += uint64(f.Overrun)
	d.lately.add(d.delay, f)
	s.sampleRTT(now, d, f)
	if f.Declared > 0 && f.Received <= f.Declared && uint64(f.Declared) <= uint64(s.number) {
		d.told = s.symbols
		d.declared += float64(f.Declared)
		d.lost += float64(f.Declared - f.Received)
		d.smooth(float64(f.Declared), float64(f.Declared-f.Received))
		s.round.add(d, d.seq, f)
		d.intake.add(now, s.round.idle.Add(s.grtt), float64(f.Received), d.delay > queuedDelay)
		s.deaf(now, d, f)
	} else {
		d.intake.begin(now)
	}
	d.seq = max(d.seq, min(f.SyncSequence, s.sync.sequence))
	s.hurry(now)
}

// deaf leaves a device behind that hears SYNCs and none of the data between them, report after
// report: large packets do not get through to it, and no repair will.
func (s *Sender) deaf(now time.Time, d *device, f wire.Feedback) {
	if f.Received > f.Declared/100 {
		d.deafFor, d.deafTo = 0, 0
		return
	}
	d.deafFor, d.deafTo = min(d.deafFor+1, deafReports), d.deafTo+float64(f.Declared)
	if d.deafFor == deafReports && d.deafTo >= deafPackets && d.waited() {
		s.leave(now, d, CauseDeaf,
			fmt.Sprintf("large packets do not reach it: none with %d bytes of content arrived, short ones do", s.cfg.SymbolSize))
	}
}

// smooth follows the loss over some thousand packets.
func (d *device) smooth(declared, lost float64) {
	const memory = 4000
	d.lossOf = min(d.lossOf+declared, memory)
	d.loss += (lost/declared - d.loss) * min(1, declared/d.lossOf)
}

// sampleRTT takes the echo of a SYNC.
func (s *Sender) sampleRTT(now time.Time, d *device, f wire.Feedback) {
	seq := f.SyncSequence
	if seq == 0 || seq > s.sync.sequence || s.sync.sequence-seq >= sentRemember {
		return
	}
	rtt := now.Sub(s.sync.times[seq%sentRemember]) - time.Duration(f.SyncAge)*time.Microsecond
	if rtt < 0 {
		return
	}
	rtt = min(rtt, protocol.MaxGRTT)
	if d.rtt == 0 {
		d.rtt = rtt
	}
	d.rtt += (rtt - d.rtt) / 4
	if !s.measured {
		s.measured = true
		s.grtt = min(max(2*rtt, protocol.MinGRTT), protocol.MaxGRTT)
	}
}

// ask checks a NACK against what its sender can have received (docs/protocol.md §7). With forged it may
// be for the two symbols that locate a forged one.
func (s *Sender) ask(now time.Time, d *device, n wire.NACK, high pn, missing *[25]byte, forged bool) {
	s.count.Asked++
	b := n.Block
	if int(b) >= s.cfg.Blocks || !s.pass.begun.Has(b) || !s.plausible(n, s.k(b)) {
		s.count.Refused++
		return
	}
	k := s.k(b)
	need, ok := s.judge(n, k, high)
	if !ok {
		s.count.OnTheWay++
		return
	}
	d.moved = now
	if !s.serves(now, d, n, need-s.owing(b), forged, high) {
		return
	}
	s.grant(now, b, k, s.margin(need), missing)
}

// serves says whether a device gets so many symbols of a block beyond those that are owed anyway.
func (s *Sender) serves(now time.Time, d *device, n wire.NACK, symbols int, forged bool, high pn) bool {
	if forged { // it says nothing of loss, and is neither charged nor held against it
		c := s.claim(d, n.Block)
		return symbols > 0 && (c.believed || s.mayBeForged(now, d, symbols)) && s.tolerate(c, symbols)
	}
	if high >= s.last[n.Block] && s.inconsistent(now, d, n) {
		return false
	}
	if d.heeded() && (len(s.devices.order) < outlierGroup || !s.lossier(d)) {
		s.parityQ.heard(n.Block)
	}
	return symbols > 0 && s.charge(now, d, symbols)
}

// charge puts repair onto a device's account and says whether it is served: if it is no outlier
// after all, it asks again.
func (s *Sender) charge(now time.Time, d *device, symbols int) bool {
	if d.doubted() {
		return false
	}
	d.charged += symbols
	d.fruit += symbols
	if s.afford(now, d) {
		return true
	}
	d.charged -= symbols
	return false
}

// plausible is F1: a deficit and a parity index that can be.
func (s *Sender) plausible(n wire.NACK, k int) bool {
	return n.Deficit >= 1 && int(n.Deficit) <= k && (n.HighParity == wire.NoParity || int(n.HighParity) >= k)
}

// judge returns how many symbols a NACK needs besides those that are queued; false: none, or the source
// symbols themselves are still to come.
func (s *Sender) judge(n wire.NACK, k int, high pn) (int, bool) {
	if s.pass.ahead(n.Block) || s.pass.later.Has(n.Block) && int(n.Deficit) > k/4 {
		return 0, false // a pass brings the source symbols; a few parity rows would be wasted on it
	}
	need := int(n.Deficit)
	if high >= s.last[n.Block] {
		return need, true
	}
	seen := k - 1
	if int(n.HighParity) < k+int(s.parity[n.Block]) { // else it saw none, or one that was never sent: somebody forged it
		seen = int(n.HighParity)
	}
	coming := k + int(s.parity[n.Block]) - 1 - seen
	if coming <= 0 {
		return 0, false
	}
	return need - coming, need > coming
}

// grant owes fresh parity and, when the rows are used up, what the bitmap misses; without a
// bitmap the block goes into the next pass.
func (s *Sender) grant(now time.Time, b protocol.BlockNumber, k, need int, missing *[25]byte) {
	rows := s.rows(b, k)
	if need <= rows {
		s.owe(now, b, need)
		return
	}
	if missing != nil && ones(missing) > 0 {
		s.owe(now, b, rows)
		s.oweSource(now, b, k, need-rows, missing)
		return
	}
	if rows > 0 {
		s.owe(now, b, rows)
		return
	}
	s.pass.add(now, b)
}

// margin adds what is likely to be lost of a repair at the end of a session, where another
// round trip costs more than a symbol.
func (s *Sender) margin(need int) int {
	if !s.through() || s.loss < minLoss || s.repair.owed > 4*need+64 {
		return need
	}
	return need + int(float64(need)*s.loss+0.9)
}

// askRanges puts blocks of which a device holds nothing into a pass.
func (s *Sender) askRanges(now time.Time, d *device, f wire.Feedback, high pn) {
	if len(f.Ranges) == 0 || now.Sub(d.rangesAt) < rangesGap {
		return
	}
	d.rangesAt = now
	ranges, err := protocol.MergeRanges(f.Ranges, s.cfg.Blocks)
	if err != nil {
		s.count.Refused++
		return
	}
	lacks := 0
	for _, r := range ranges {
		lacks += int(r.Count)
	}
	if uint64(lacks)+uint64(f.Verified) > uint64(s.cfg.Blocks) {
		s.count.Refused++
		s.leave(now, d, CauseInconsistent,
			fmt.Sprintf("inconsistent feedback: it says that it has %d blocks of %d and lacks %d",
				f.Verified, s.cfg.Blocks, lacks))
		return
	}
	left := mostRanged
	for _, r := range ranges {
		for b := r.First; b < r.End() && left > 0 && d.waited(); b++ {
			left--
			s.askBlock(now, d, b, high)
		}
	}
}

func (s *Sender) askBlock(now time.Time, d *device, b protocol.BlockNumber, high pn) {
	p := &s.pass
	if p.ahead(b) || p.later.Has(b) {
		return
	}
	d.moved = now
	if p.begun.Has(b) {
		if high < s.last[b] {
			return
		}
		d.whole += (s.k(b) + 1) / 2
		d.fruit += s.k(b)
		if !s.afford(now, d) {
			return
		}
	}
	s.want(now, b)
}
