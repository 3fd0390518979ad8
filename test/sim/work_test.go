package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
	"github.com/groupcast/groupcast/internal/wire"
)

// work is what a device does about one offer: a driver of recv.Receiver, of the HTTPS
// catch-up, or of both.
type work struct {
	no        protocol.TransferNo
	offer     wire.Offer
	bytes     []byte
	layout    *manifest.Layout
	raw       []byte // the manifest's block, before the index is known
	spool     *spool.Spool
	staging   *spool.Staging
	keys      *seal.Session
	feedback  *seal.FeedbackSealer
	machine   *recv.Receiver
	path      groupcast.Path
	receiving bool // nothing is looked through any more before blocks come

	newest uint64 // SYNC
	tick   uint64
	begun  time.Time // of listening
	busy   int       // blocks between ready and stored

	wanted   *protocol.BlockSet
	all      bool // fetch everything over HTTPS
	silent   bool // as long as the group is not heard
	fetching bool
	tries    int // fetches that failed one after another
	reported time.Time

	unheard bool // feedback goes over HTTPS, too
	body    []byte
	asks    bool // it asks for something
	posting bool
	posted  time.Time

	over bool // nothing more is done for it
}

// begin works on an offer.
func (d *device) begin(b loop.Begin) {
	k := &work{no: b.Offer.Transfer, offer: *b.Offer.Plain, bytes: b.Offered.Offer, path: groupcast.PathHTTPS}
	if d.works[k.no] != nil {
		d.w.fail("device %d works on transfer %d twice at once", d.i, k.no)
		return
	}
	d.works[k.no] = k
	d.w.note("begins", uint64(d.i), uint64(k.no), uint64(k.offer.Number))
	s, err := d.openSpool()
	if err != nil {
		d.trouble(k, fmt.Errorf("open the spool: %w", err))
		return
	}
	k.spool = s
	d.tellWork(k)
	d.after(k, within(d.rnd, 5*time.Millisecond), func() { d.prepare(k) })
}

func (d *device) openSpool() (*spool.Spool, error) {
	return spool.Open(spool.Config{
		Dir: "/", Group: groupName, GroupID: d.w.server.group, Server: d.w.server.id, Reserve: -1,
		Ledger: powered{d.ledger, d.disk}, FS: &moodyDisk{d.disk, d}, Shared: d.shared,
	})
}

// after goes on with a work, unless it is over by then.
func (d *device) after(k *work, wait time.Duration, f func()) {
	d.w.clock.After(wait, func() {
		if !k.over && d.alive {
			f()
		}
	})
}

// stop ends a work early; what it is at goes on for a moment.
func (d *device) stop(k *work) {
	d.after(k, within(d.rnd, 30*time.Millisecond), func() {
		d.w.count("device: work stopped")
		d.ends(k, loop.Outcome{})
	})
}

// ends is the end of a work, which the loop is told.
func (d *device) ends(k *work, out loop.Outcome) {
	if k.over {
		return
	}
	k.over = true
	d.hangUp(k)
	out.Path = k.path
	if k.staging != nil {
		if err := k.staging.Close(); errors.Is(err, spooltest.ErrPower) {
			d.power()
			return
		} else if err == nil {
			d.durable[k.no] = k.staging.Has()
		}
	}
	d.w.note("ends "+string(out.State), uint64(d.i), uint64(k.no))
	agent := d.agent
	d.w.clock.After(0, func() {
		if d.agent == agent && d.alive {
			delete(d.works, k.no)
			d.tell(func(l *loop.Loop, now time.Time) { l.Ended(now, k.no, out) })
		}
	})
}

// hangUp ends taking part in a session.
func (d *device) hangUp(k *work) {
	d.listening = slices.DeleteFunc(d.listening, func(o *work) bool { return o == k })
	if k.machine != nil {
		d.w.counts.receiver(k.machine.Status())
		d.inWork += d.w.clock.Now().Sub(k.begun)
		k.machine = nil
	}
}

// stumbles ends a work that went wrong for a reason that is not the disk; the server is told, unless it
// was only overtaken.
func (d *device) stumbles(k *work, err error) {
	d.w.note("stumbles: "+err.Error(), uint64(d.i), uint64(k.no))
	switch groupcast.ErrorCode(err) {
	case groupcast.ENotFound, groupcast.EConflict, groupcast.EUnconfirmed:
		d.w.count("device: overtaken")
		d.ends(k, loop.Outcome{})
		return
	}
	d.w.count("device: work failed")
	d.report(k, err.Error())
	d.ends(k, loop.Outcome{Failed: err.Error()})
}

// report tells the server over HTTPS how a delivery stands.
func (d *device) report(k *work, reason string) {
	r := &groupcast.AgentReport{Transfer: k.no, Path: k.path, Reason: reason}
	if k.staging != nil {
		r.Blocks, r.Bytes = k.staging.Has().Count(), k.staging.Bytes()
	}
	k.reported = d.w.clock.Now()
	d.post(lane{transferCalls, k.no}, "progress", r, nil)
}

// tellWork tells the server that something is done for a transfer while nothing is received.
func (d *device) tellWork(k *work) {
	d.after(k, 3*time.Second, func() {
		looking, writing := k.staging == nil && !k.receiving, k.staging != nil && k.staging.Missing() == 0
		if looking || writing {
			d.post(lane{transferCalls, k.no}, "work",
				&groupcast.AgentReport{Transfer: k.no, Work: &groupcast.Work{Phase: groupcast.WorkLooking}}, nil)
		}
		d.tellWork(k)
	})
}

// prepare stages the transfer if its manifest is known or fetched at once; else the session brings it.
func (d *device) prepare(k *work) {
	l, err := manifest.NewLayout(k.offer)
	if err != nil {
		d.w.fail("device %d: layout: %v", d.i, err)
		return
	}
	k.layout = l
	raw, known, err := k.spool.Manifest(k.no)
	if err != nil {
		d.trouble(k, err)
		return
	}
	if known {
		whole, err := l.WithManifest(raw)
		if err == nil {
			if d.stage(k, whole) {
				d.ready(k)
			}
			return
		}
		if d.w.server.transfer(k.no).first == nil {
			d.w.fail("device %d: the manifest kept in the spool: %v", d.i, err)
			return
		}
		d.w.count("device: manifest of an earlier content")
	}
	if k.offer.Flags&wire.OfferMulticast != 0 && chance(d.rnd, 0.7) {
		d.ready(k) // the session brings it
		return
	}
	d.fetchManifest(k, 1, func() { d.ready(k) })
}

// stage opens the staging; the oracle holds it against what was durable before.
func (d *device) stage(k *work, whole *manifest.Layout) bool {
	s, err := k.spool.Stage(context.Background(), k.no, whole)
	if err != nil {
		d.trouble(k, fmt.Errorf("stage transfer %d: %w", k.no, err))
		return false
	}
	k.layout, k.staging = whole, s
	if d.staged[k.no] != k.offer.IndexDigest { // blocks have other numbers now
		delete(d.durable, k.no)
		d.staged[k.no] = k.offer.IndexDigest
	}
	d.resumed(k)
	d.syncRegularly(k)
	return true
}

// ready answers the offer: it tells the server what the device lacks.
func (d *device) ready(k *work) {
	k.receiving = true
	r := groupcast.Ready{Transfer: k.no, Session: k.offer.Session, LacksAll: k.staging == nil}
	if k.staging != nil {
		if k.staging.Missing() == 0 {
			d.finish(k)
			return
		}
		r.Lacks = k.staging.Has().Missing(maxLacks)
	}
	d.lanes.renew(lane{transferCalls, k.no}, queued{do: func(done func(func())) {
		var h handout
		d.call(func(answer func(error)) {
			var err error
			h, err = d.w.server.ready(d.i, r)
			answer(err)
		}, func(err error) {
			done(func() { d.answered(k, h, err) })
		})
	}})
}

// maxLacks bounds the ranges that a device names of what it lacks.
const maxLacks = 1000

// answered takes the server's answer to Ready.
func (d *device) answered(k *work, h handout, err error) {
	switch {
	case k.over:
	case err != nil:
		d.stumbles(k, err)
	case h.https:
		k.all = true
		d.fetch(k)
	case h.started && k.staging == nil && chance(d.rnd, 0.5):
		d.fetchManifest(k, 1, func() { d.receive(k, h) }) // its blocks may have gone by
	default:
		d.receive(k, h)
	}
}

// look finds out whether a transfer that waits for the disk could be taken now.
func (d *device) look(do loop.Look) {
	d.w.count("device: looked at the disk")
	var found loop.Outcome
	s, err := d.openSpool()
	if err == nil {
		if err = s.Works(); err == nil {
			err = s.Room(do.Need)
		}
	}
	if errors.Is(err, spooltest.ErrPower) {
		d.power()
		return
	}
	if err != nil {
		found = refusal(err)
	}
	agent := d.agent
	d.w.clock.After(within(d.rnd, 10*time.Millisecond), func() {
		if d.agent == agent {
			d.tell(func(l *loop.Loop, now time.Time) { l.Looked(now, do.Number, do.Offer.Transfer, found) })
		}
	})
}

// refusal is what becomes of a transfer that the disk does not take now.
func refusal(err error) loop.Outcome {
	out := loop.Outcome{State: groupcast.DeliveryRefused, Kind: groupcast.RefusedFolder, Reason: err.Error()}
	var refused *spool.Refused
	var sick *spool.DiskError
	switch why := spool.Hindrance(err); {
	case errors.As(why, &refused):
		out.Kind, out.Reason, out.Need = refused.Kind, refused.Reason, refused.Need
	case errors.As(why, &sick):
		out.Kind, out.Reason = groupcast.Refusal(sick.Kind), sick.Reason
	}
	return out
}

// sweep deletes what is half received of transfers that are not to be kept.
func (d *device) sweep(keep func(protocol.TransferNo) bool) {
	s, err := d.openSpool()
	if err != nil {
		d.disturbed(err)
		return
	}
	staged, err := s.Stagings()
	for _, no := range staged {
		if keep(no) {
			continue
		}
		d.w.count("device: swept")
		delete(d.durable, no)
		if err = s.Drop(context.Background(), no); err != nil {
			break
		}
	}
	d.disturbed(err)
}

// disturbed takes an error of the disk that nothing depends on but the power.
func (d *device) disturbed(err error) {
	switch {
	case errors.Is(err, spooltest.ErrPower):
		d.power()
	case err != nil && spool.Hindrance(err) == nil:
		d.w.fail("device %d: %v", d.i, err)
	}
}
