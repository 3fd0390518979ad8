package sim

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/wire"
)

// Bounds of a device's feedback: packets, at first and for each second of a session.
const (
	feedbackFloor  = 200
	feedbackPerSec = 100

	// Of its calls to the server: at first, and for each second of the run.
	callsFloor  = 200
	callsPerSec = 20
)

// admitted: a device never acts on an offer below a floor that it has once admitted, nor on one
// older than another of the same transfer.
func (d *device) admitted(o wire.Offer) {
	d.w.count("offer: admitted")
	d.w.note("admitted", uint64(d.i), uint64(o.Number))
	if o.Number < d.topFloor {
		d.w.fail("device %d acts on offer %d, though it had admitted the floor %d", d.i, o.Number, d.topFloor)
	}
	d.topFloor = max(d.topFloor, o.Floor)
	if o.Number < d.topTaken[o.Transfer] {
		d.w.fail("device %d takes offer %d of transfer %d, though it had taken %d", d.i, o.Number, o.Transfer,
			d.topTaken[o.Transfer])
	}
	d.topTaken[o.Transfer] = max(d.topTaken[o.Transfer], o.Number)
}

// resumed: what was verified and durable is there after a restart and not asked for again, unless what
// held it lay under its name and gave way to a newer transfer.
func (d *device) resumed(k *work) {
	has := k.staging.Has()
	before := d.durable[k.no]
	if before == nil {
		return
	}
	d.w.count("device: resumed with blocks")
	for b, ok := before.Next(0); ok; b, ok = before.Next(b + 1) {
		if !has.Has(b) && !d.superseded(k, b) {
			d.w.fail("device %d asks again for block %d of transfer %d, which was verified and durable", d.i, b, k.no)
			return
		}
	}
}

// superseded says whether newer transfers have taken the place of a file of a block.
func (d *device) superseded(k *work, b protocol.BlockNumber) bool {
	for _, e := range k.layout.Extents(nil, b) {
		path := k.layout.Manifest().Files[e.File].Path
		if d.newest[path] > k.no || d.gaveWay(path, k.no) {
			return true
		}
	}
	return false
}

// committed: a path is never overwritten by an older transfer.
func (d *device) committed(o spool.Outcome) {
	d.w.note("outcome", uint64(d.i), uint64(o.Transfer), uint64(o.Result))
	if o.Kind != manifest.KindFile || o.Result != spool.Committed && o.Result != spool.KeptBoth {
		return
	}
	if d.newest[o.Path] > o.Transfer {
		d.w.fail("device %d: transfer %d overwrites %s, which transfer %d wrote", d.i, o.Transfer, o.Path, d.newest[o.Path])
	}
	d.newest[o.Path] = o.Transfer
}

// checkFiles: under final names lie whole files of transfers, not one wrong byte.
func (d *device) checkFiles() {
	files := d.disk.Files(groupName)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := strings.TrimPrefix(name, groupName+"/")
		if i := strings.Index(path, " (groupcast"); i >= 0 {
			path = path[:i]
		}
		if !d.promised(path, files[name]) {
			d.w.fail("device %d has wrong bytes under the final name %s: %s", d.i, name, d.wrong(path, files[name]))
			return
		}
	}
}

func (d *device) promised(path string, got []byte) bool {
	for _, t := range d.w.server.transfers {
		if want, ok := t.full().files[path]; ok && bytes.Equal(want, got) {
			return true
		}
	}
	return false
}

// bounded: the machine's memory and the driver's queue.
func (d *device) bounded(k *work) {
	slabs := max(4, d.w.plan.poolSlabs)
	if d.w.plan.poolSlabs == 0 {
		slabs = max(4, protocol.ReceiverPoolBytes/(int(k.offer.MaxK)*d.w.plan.symbol))
	}
	if n := k.machine.Status().Partial; n > slabs {
		d.w.fail("device %d holds %d half-received blocks in a pool of %d", d.i, n, slabs)
	}
}

// judge holds the end of a run against what was promised.
func (w *world) judge() {
	if w.err != nil {
		return
	}
	if !w.finished() {
		w.fail("not everyone has finished: %s", w.unfinished())
		return
	}
	for _, d := range w.devices {
		d.checkFiles()
		d.passedOver()
		d.judge()
		d.tidy()
	}
}

// tidy: nothing is left of what is owed no more, and a device called the server in measure.
func (d *device) tidy() {
	took := d.w.clock.Now().Sub(d.w.start)
	if limit := callsFloor + uint64(callsPerSec*took.Seconds()); d.calls > limit {
		d.w.fail("device %d called the server %d times in %v", d.i, d.calls, took)
	}
	s, err := d.openSpool()
	if err != nil {
		d.w.fail("device %d: open the spool: %v", d.i, err)
		return
	}
	staged, err := s.Stagings()
	if err != nil {
		d.w.fail("device %d: %v", d.i, err)
	}
	for _, no := range staged {
		t := d.w.server.transfer(no)
		if t.closed != "" || !t.deliveries[d.i].owed() {
			d.w.fail("device %d keeps what is half received of transfer %d, which is %q, its delivery %q", d.i, no, t.closed,
				t.deliveries[d.i].state)
		}
	}
}

// judge: whoever sent a receipt has the files, each of the newest transfer he got.
// Nobody edits anything here, so nothing lies under another name than its own.
func (d *device) judge() {
	files := d.disk.Files(groupName)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.Contains(name, " (groupcast") {
			d.w.fail("device %d: %s lies beside its name, and nobody edited what has that", d.i, name)
			return
		}
	}
	for _, t := range d.w.server.transfers {
		if !t.deliveries[d.i].delivered() {
			continue
		}
		d.named(t)
		for _, path := range slices.Sorted(maps.Keys(d.got(t).files)) {
			if d.gaveWay(path, t.no) {
				continue
			}
			entry := d.ledger.Paths[path]
			if entry.Transfer < t.no {
				d.w.fail("device %d: the ledger says transfer %d of %s, a receipt %d", d.i, entry.Transfer, path, t.no)
				return
			}
			want := d.w.server.transfer(entry.Transfer).full().files[path]
			if got, ok := files[groupName+"/"+entry.Name]; !ok || !bytes.Equal(got, want) {
				d.w.fail("device %d: %s is not what transfer %d brought", d.i, path, entry.Transfer)
				return
			}
		}
	}
	for _, k := range d.listening {
		d.inWork += d.w.clock.Now().Sub(k.begun)
		k.begun = d.w.clock.Now()
	}
	if limit := feedbackFloor + uint64(feedbackPerSec*d.inWork.Seconds()); d.fed > limit {
		d.w.fail("device %d sent %d feedback packets in %v of sessions", d.i, d.fed, d.inWork)
	}
}

// gaveWay says whether a newer transfer has a folder at a file's path, or a file at its folder's.
func (d *device) gaveWay(path string, no protocol.TransferNo) bool {
	for _, t := range d.w.server.transfers {
		for other := range t.full().files {
			if t.no > no && (strings.HasPrefix(other, path+"/") || strings.HasPrefix(path, other+"/")) {
				return true
			}
		}
	}
	return false
}

// oneSession: a group runs one session at a time.
func (s *server) oneSession(run *session) {
	for _, r := range s.runs {
		if r != run && !r.stopped {
			s.w.fail("session %d is offered while session %d is", run.index, r.index)
		}
	}
}

// mayFlow: nothing is sealed for a transfer that is held or closed, nor by a session that was stopped.
func (r *session) mayFlow() {
	if t := r.transfer; r.stopped || t.closed != "" || t.hold {
		r.w.fail("session %d seals a packet of transfer %d: %q, held %v, stopped %v", r.index, t.no, t.closed, t.hold,
			r.stopped)
	}
}

// mayKnow: what is held or closed, or owed to others only, is nobody's to know of.
func (s *server) mayKnow(no protocol.TransferNo, i int) {
	if s.w.sabotage == IgnoreRemoval {
		return // the packets are to show it
	}
	if t := s.transfer(no); t.hold || t.closed != "" || !t.deliveries[i].owed() || !s.members[i] {
		s.w.fail("device %d is offered transfer %d: %q, held %v, its delivery %q", i, no, t.closed, t.hold,
			t.deliveries[i].state)
	}
}

// consistent: what the schedule holds is what the book owes.
func (s *server) consistent() {
	if s.w.sabotage == IgnoreRemoval {
		return
	}
	for _, t := range s.transfers {
		view, open := s.sched.Transfer(s.now(), t.no)
		if open != (t.closed == "") {
			s.w.fail("transfer %d is %q, and the schedule has it: %v", t.no, t.closed, open)
			return
		}
		if owed := t.owed(); open && owed != view.Owed {
			s.w.fail("transfer %d is owed to %d, in the schedule to %d", t.no, owed, view.Owed)
		}
	}
}

// delivered lists the files that have their names.
func (d *device) delivered() []string {
	return slices.Sorted(maps.Keys(d.disk.Files(groupName)))
}

// collect sums up what the machines, links and disks counted.
func (w *world) collect() {
	for _, d := range w.devices {
		for _, k := range slices.Clone(d.listening) {
			d.hangUp(k)
		}
		w.counts.network(d.down.Faults)
		w.counts.network(d.up.Faults)
		w.counts.disk(d.disk.Counts)
	}
	if w.server.up() {
		for _, r := range w.server.sorted() {
			r.stop()
		}
	}
}

// wrong tells how a file differs from what the newest transfer of its path has.
func (d *device) wrong(path string, got []byte) string {
	for _, t := range slices.Backward(d.w.server.transfers) {
		want, ok := t.full().files[path]
		if !ok {
			continue
		}
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		return fmt.Sprintf("%d bytes, transfer %d has %d, the first that differs is %d", len(got), t.no, len(want), at)
	}
	return "no transfer has it"
}
