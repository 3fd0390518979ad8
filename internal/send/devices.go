package send

import (
	"fmt"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Patience with devices.
const (
	checkInterval  = 250 * time.Millisecond
	silentAfter    = 2 * time.Second  // at least; else three missed reports
	lullAfter      = time.Second      // at least, of everybody: data pauses …
	lullMost       = 30 * time.Second // … for so long
	manySilent     = 10 * time.Second // patience with many who are silent at once …
	manyShare      = 4                // … which is one of so many of those waited for
	deafAfter      = 3 * time.Second  // reports come, but nothing of the group is heard
	stalledAfter   = 15 * time.Second // nothing owed, nothing asked, nothing stored
	missedReports  = 3
	rememberedAsks = 16 // per device
)

// deviceSet is the attached devices, in the order in which they came.
type deviceSet struct {
	by          map[Device]*device
	order       []*device
	ever        int
	active      int // waited for
	checkAt     time.Time
	grace       time.Time          // silence counts from here at the earliest
	many        bool               // many are silent at once: they are starved, or the network is
	silentSince time.Time          // since when data pauses because everybody is silent; zero: it does not
	oddAt       time.Time          // when those that say what nobody else does were looked for last
	gone        map[Device]*device // those that were detached: what they owe is not forgotten
}

// device is what the server keeps of one receiver: counts and a bar, no bitmaps.
type device struct {
	id            Device
	verified      int
	bar           [64]byte
	high          pn
	highAt        time.Time // when high last rose
	heard         time.Time // zero: never
	since         time.Time // attached
	moved         time.Time // verified rose or an ask was answered
	rangesAt      time.Time
	loss          float64 // smoothed
	lossOf        float64 // packets it stands on, faded
	rtt           time.Duration
	delay         time.Duration
	overrun       uint64
	round         roundOf
	intake        intake
	seq           uint64    // the SYNC that its latest report answered
	declared      float64   // packets, by its reports
	lost          float64   // of them
	from          uint64    // packets sent before it came …
	told          uint64    // … and before it last reported on any
	suspect       time.Time // since when it looks like an outlier
	charged       int       // repair symbols that it was the first to ask for
	credit        int       // of which so many are not counted: it came late
	whole         int       // the same for blocks it lacked whole, at half the price
	fruit         int       // both since it stored more than ever
	stored        int       // the most blocks that it said it had
	asks          [rememberedAsks]ask
	nextAsk       uint8
	deafFor       int     // reports in a row in which hardly a data packet arrived …
	deafTo        float64 // … and the packets that they speak of
	forged        bool    // it reports blocks that failed their digest (security.md I1)
	lately        lately
	odd           time.Time // since when it says what nobody else does; zero: it does not …
	claims        oddity    // … and what
	unconfirmed   int       // symbols that it asked for because of forged packets that nobody else speaks of …
	unconfirmedAt time.Time // … since then
	done          bool
	behind        Cause
	reason        string
}

func newDeviceSet() deviceSet {
	return deviceSet{by: make(map[Device]*device), gone: make(map[Device]*device)}
}

func (d *device) waited() bool { return !d.done && d.behind == "" }

// Attach adds a device, at any time, with the blocks it lacks, in order and apart
// (protocol.MergeRanges). Attaching again replaces what was known of it, but not what it was charged
// with: what it lacks again of what was sent is charged, too (security.md F1).
func (s *Sender) Attach(now time.Time, dev Device, lacks []protocol.Range, all bool) {
	if s.over {
		return
	}
	d := &device{id: dev, since: now, moved: now, highAt: now, from: s.symbols, told: s.symbols}
	if s.symbols > 0 {
		d.credit = s.cfg.Interleave * protocol.MaxSourceSymbols // what it misses of the running group
	}
	known := s.devices.known(dev)
	if known != nil {
		d.inherit(known)
	}
	s.devices.put(d)
	s.devices.recount()
	s.goOn()
	s.syncSoon()
	if all {
		lacks = []protocol.Range{{First: 0, Count: uint32(s.cfg.Blocks)}}
	}
	if known != nil && (known.behind == CauseInconsistent || known.behind == CauseAlone) {
		s.leave(now, d, known.behind, known.reason)
		return
	}
	for _, r := range lacks {
		end := min(uint64(r.First)+uint64(r.Count), uint64(s.cfg.Blocks))
		for b := uint64(r.First); b < end; b++ {
			b := protocol.BlockNumber(b)
			page := s.isPage(b)
			if page && s.symbols == 0 || !page && (!all || !s.held(b)) { // later it asks for pages
				s.lacks(now, d, b, known != nil)
			}
		}
	}
}

// lacks takes a block that a device lacks as it attaches, for the first time or again.
func (s *Sender) lacks(now time.Time, d *device, b protocol.BlockNumber, again bool) {
	switch {
	case !again:
		s.want(now, b)
	case d.waited():
		s.askBlock(now, d, b, s.number)
	}
}

// known gives what was known of a device that attaches again.
func (r *deviceSet) known(dev Device) *device {
	if d := r.by[dev]; d != nil {
		return d
	}
	return r.gone[dev]
}

// inherit takes over what a device was charged with, and by what it is judged.
func (d *device) inherit(old *device) {
	d.charged, d.whole, d.fruit, d.stored = old.charged, old.whole, old.fruit, old.stored
	d.credit = max(d.credit, old.credit)
	d.suspect, d.asks, d.nextAsk = old.suspect, old.asks, old.nextAsk
	d.from, d.declared, d.lost, d.loss, d.lossOf = old.from, old.declared, old.lost, old.loss, old.lossOf
	d.rangesAt, d.forged, d.unconfirmed, d.unconfirmedAt = old.rangesAt, old.forged, old.unconfirmed, old.unconfirmedAt
	d.odd, d.claims = old.odd, old.claims
}

func (r *deviceSet) put(d *device) {
	r.ever++
	if old := r.by[d.id]; old != nil {
		for i := range r.order {
			if r.order[i] == old {
				r.order[i] = d
			}
		}
	} else {
		r.order = append(r.order, d)
	}
	r.by[d.id] = d
	delete(r.gone, d.id)
}

func (r *deviceSet) recount() {
	r.active = 0
	for _, d := range r.order {
		if d.waited() {
			r.active++
		}
	}
}

// Detach forgets a device.
func (s *Sender) Detach(now time.Time, dev Device, reason string) {
	d := s.devices.by[dev]
	if d == nil {
		return
	}
	delete(s.devices.by, dev)
	s.devices.gone[dev] = d
	for i := range s.devices.order {
		if s.devices.order[i] == d {
			s.devices.order = append(s.devices.order[:i], s.devices.order[i+1:]...)
			break
		}
	}
	s.devices.recount()
	s.checkOver(now)
}

// Complete reports that a device's receipt came over HTTPS.
func (s *Sender) Complete(now time.Time, dev Device) {
	if d := s.devices.by[dev]; d != nil {
		s.complete(now, d, "its receipt came")
	}
}

func (s *Sender) complete(now time.Time, d *device, reason string) {
	if d.done {
		return
	}
	if d.waited() {
		s.devices.active--
	}
	d.done, d.behind, d.reason = true, "", ""
	d.verified = s.cfg.Blocks
	s.emit(Event{Kind: DeviceDone, Device: d.id, Reason: reason})
	s.checkOver(now)
}

// leave stops waiting for a device: it catches up by itself.
func (s *Sender) leave(now time.Time, d *device, c Cause, reason string) {
	if !d.waited() {
		return
	}
	d.behind, d.reason = c, reason
	s.devices.active--
	if c == CauseLoss || c == CauseInconsistent || c == CauseAlone {
		s.count.Overs++
	}
	s.emit(Event{Kind: DeviceBehind, Device: d.id, Cause: c, Reason: reason})
	s.checkOver(now)
}

// back waits again for a device that was silent.
func (s *Sender) back(now time.Time, d *device) {
	d.behind, d.reason = "", ""
	d.moved, d.highAt = now, now
	s.devices.active++
	s.goOn()
	s.emit(Event{Kind: DeviceBack, Device: d.id})
}

// goOn takes back that the session ends, because somebody is waited for again.
func (s *Sender) goOn() {
	if !s.sync.closing {
		s.sync.ending, s.sync.ended = false, 0
	}
}

// checkOver ends the session when it waits for no device.
func (s *Sender) checkOver(now time.Time) {
	if s.devices.ever > 0 && s.devices.active == 0 && !s.over && !s.sync.ending {
		s.sync.ending = true
		s.syncSoon()
	}
}

// excuse counts silence from now on: nothing was sent yet, or the state machine was not called for a
// while, so that no device could be heard.
func (s *Sender) excuse(now time.Time) {
	if s.symbols == 0 && s.pass.size > 0 || s.stalled(now) || now.Sub(s.devices.checkAt) > silentAfter/2 {
		s.devices.grace = now
	}
}

// since is the later of a device's moment and the beginning of what counts.
func (r *deviceSet) since(now, t time.Time) time.Duration {
	if r.grace.After(t) {
		t = r.grace
	}
	return now.Sub(t)
}

// checkDevices leaves behind who is silent, deaf or stalled.
func (s *Sender) checkDevices(now time.Time) {
	patience := max(missedReports*s.reportInterval()+protocol.SyncInterval, silentAfter)
	turn := protocol.Spread(len(s.devices.order)) // who is done goes at once, and its receipt waits for its turn
	patience += turn
	if s.allSilent(now, turn) {
		return
	}
	if s.devices.many = s.manyAreSilent(now, turn); s.devices.many {
		patience = max(patience, manySilent+turn)
	}
	deaf := max(patience, deafAfter)
	for _, d := range s.devices.order {
		if !d.waited() {
			continue
		}
		heard := d.since
		if d.heard.After(heard) {
			heard = d.heard
		}
		silence := s.devices.since(now, heard)
		switch {
		case silence > patience:
			s.leave(now, d, CauseSilent, fmt.Sprintf("no report for %.0f s", silence.Seconds()))
		case s.devices.since(now, d.highAt) > deaf:
			s.leave(now, d, CauseSilent, "it reports, but hears nothing of the group")
		case s.through() && s.repair.owed == 0 && s.devices.since(now, d.moved) > stalledAfter+turn:
			s.leave(now, d, CauseSlow, "it neither stores nor asks any longer")
		}
	}
}

// allSilent says whether most of the group, and every device that the session waits for, fell silent at
// the same time: the cause is the network or this machine, not the devices. Sending then pauses, because
// the data would be lost, until a device is heard again or patience ends. A device that was never heard
// may be unable to send feedback.
func (s *Sender) allSilent(now time.Time, turn time.Duration) bool {
	r := &s.devices
	if !r.silentSince.IsZero() {
		if now.Sub(r.silentSince) < lullMost+turn {
			return true
		}
		r.silentSince = time.Time{} // from here on they are silent one by one
		return false
	}
	patience := max(missedReports*s.reportInterval()+protocol.SyncInterval, lullAfter) + turn
	if r.active < 2 || 2*r.active <= len(r.order) {
		return false
	}
	for _, d := range r.order {
		if silence := r.since(now, d.heard); d.waited() &&
			(d.heard.IsZero() || silence <= patience || silence > patience+2*checkInterval) {
			return false
		}
	}
	r.silentSince = now
	return true
}

// manyAreSilent says whether a good part of those waited for is silent: a starved machine, or the
// network of a whole room, not one device after the other.
func (s *Sender) manyAreSilent(now time.Time, turn time.Duration) bool {
	silent := 0
	for _, d := range s.devices.order {
		if d.waited() && !d.heard.IsZero() && s.devices.since(now, d.heard) > lullAfter+turn {
			silent++
		}
	}
	return silent >= 2 && silent*manyShare >= s.devices.active
}

// excuseMany believes one of many devices that were silent: it is not charged for what was sent
// meanwhile, even if it is the first to ask for it.
func (s *Sender) excuseMany(now time.Time, d *device) {
	if s.devices.many && s.devices.since(now, d.heard) > lullAfter {
		d.credit += int(s.symbols - d.told)
	}
}

// wake ends the pause when a device is heard. No device is blamed for its silence so far, or charged for
// asking for what was sent meanwhile.
func (s *Sender) wake(now time.Time) {
	if s.devices.silentSince.IsZero() {
		return
	}
	s.devices.silentSince, s.devices.grace = time.Time{}, now
	for _, d := range s.devices.order {
		d.credit += int(s.symbols - d.told)
	}
	s.round.restart(now)
	s.syncSoon()
}

// Devices lists the devices in the order in which they came.
func (s *Sender) Devices() []DeviceStatus {
	out := make([]DeviceStatus, 0, len(s.devices.order))
	for _, d := range s.devices.order {
		out = append(out, DeviceStatus{
			Device: d.id, Verified: d.verified, Loss: d.loss, RTT: d.rtt, Overrun: d.overrun,
			Bar: d.bar, Heard: d.heard, Done: d.done, Behind: d.behind, Reason: d.reason,
		})
	}
	return out
}

// Status is a snapshot.
func (s *Sender) Status() Status {
	st := Status{
		Rate: s.control.Rate(), Limiter: s.control.Limiter(), GRTT: s.grtt, Loss: s.loss,
		Blocks: s.cfg.Blocks, Wanted: s.wanted.Count(), Pass: s.pass.number, PassDone: s.through(),
		Owed: s.repair.owed, Over: s.over, Counters: s.count,
		Devices: len(s.devices.order), Active: s.devices.active, ForgedBlocks: s.forged.believed,
	}
	st.idleBy, st.idles = s.idleBy()
	if s.pass.size > 0 {
		st.Progress = float64(s.pass.sent) / float64(s.pass.size)
	}
	for _, d := range s.devices.order {
		if d.forged {
			st.Forged++
		}
		if d.done {
			st.Done++
		} else if d.behind != "" {
			st.Behind++
		}
	}
	return st
}
