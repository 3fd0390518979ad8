package delivery

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/sender"
)

// anAnswer is what a device says to an offer, and what it is given.
type anAnswer struct {
	ready  func(w *world, r *groupcast.Ready)
	code   groupcast.Code // "": it is answered
	https  bool
	lacks  []protocol.Range
	attach bool
}

var (
	someLack     = []protocol.Range{{First: 2, Count: 3}, {First: 5, Count: 2}} // they touch
	otherSession = protocol.NewSessionID()
)

var answers = map[string]anAnswer{
	"lacks all": {ready: func(_ *world, r *groupcast.Ready) { r.LacksAll = true }, attach: true},
	"lacks some": {
		ready:  func(_ *world, r *groupcast.Ready) { r.Lacks = someLack },
		attach: true, lacks: []protocol.Range{{First: 2, Count: 5}},
	},
	"lacks nothing": {ready: func(*world, *groupcast.Ready) {}, https: true},
	"a small card":  {ready: func(_ *world, r *groupcast.Ready) { r.LacksAll, r.MTU = true, 576 }, https: true},
	"another session": {ready: func(_ *world, r *groupcast.Ready) {
		r.LacksAll, r.Session = true, otherSession
	}, code: groupcast.EConflict},
	"another transfer": {ready: func(_ *world, r *groupcast.Ready) {
		r.LacksAll, r.Transfer = true, 99
	}, code: groupcast.ENotFound},
	"ranges out of order": {ready: func(_ *world, r *groupcast.Ready) {
		r.Lacks = []protocol.Range{someLack[1], someLack[0]}
	}, code: groupcast.EInvalid},
	"too many ranges": {ready: func(_ *world, r *groupcast.Ready) {
		r.Lacks = slices.Repeat(someLack[:1], protocol.MaxNACKRanges+1)
	}, code: groupcast.EInvalid},
	"ranges that the session refuses": {ready: func(w *world, r *groupcast.Ready) {
		r.Lacks = someLack
		w.sender().Refuse(&protocol.RangesError{Fault: protocol.RangesOutside, Most: 12})
	}, code: groupcast.EInvalid},
	"a full session": {ready: func(w *world, r *groupcast.Ready) {
		r.LacksAll = true
		w.sender().Refuse(groupcast.Errorf(groupcast.EExhausted, "too many devices"))
	}, code: groupcast.EExhausted},
	"a session that breaks": {ready: func(w *world, r *groupcast.Ready) {
		r.LacksAll = true
		w.sender().Refuse(errors.New("it is gone"))
	}, code: groupcast.EConflict},
	"while nothing is sent": {ready: func(w *world, r *groupcast.Ready) {
		r.LacksAll = true
		w.Pause(true)
	}, code: groupcast.EUnconfirmed},
}

func TestWhoGetsKeys(t *testing.T) {
	for name, test := range answers {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.group("g")
				ann := w.enrol("ann", "g").attach()
				w.enrol("bob", "g").attach()
				tr := w.send("g", nil)
				o := ann.offered()
				r := groupcast.Ready{Transfer: tr.No, Session: o.Session}
				test.ready(w, &r)
				h, err := w.HandOut(w.ctx, *ann.p.Device, r)
				if groupcast.ErrorCode(err) != test.code && (err != nil || test.code != "") {
					t.Fatalf("got %v, want %q", err, test.code)
				}
				if keys := len(h.SessionSecret) > 0; h.HTTPS != test.https || keys != test.attach {
					t.Errorf("answered %+v", h)
				}
				lacks, attached := w.sender().Lacks(ann.id)
				if attached != test.attach || !slices.Equal(lacks, test.lacks) {
					t.Errorf("the session has it: %v, lacking %v", attached, lacks)
				}
				holders, err := w.db.Handouts(w.ctx, tr.No)
				if w.must(err); len(holders) > 0 != test.attach {
					t.Errorf("%d hand-outs are written down", len(holders))
				}
			})
		})
	}
}

// A device is refused, and what it says stands with its delivery; one that says it of an offer that was
// overtaken is not heard, and only what is for good is not asked again.
func TestWhatDevicesRefuse(t *testing.T) {
	another := func(protocol.SessionID) protocol.SessionID { return protocol.NewSessionID() }
	none := func(protocol.SessionID) (id protocol.SessionID) { return id }
	for name, test := range map[string]struct {
		kind    groupcast.Refusal
		session func(o protocol.SessionID) protocol.SessionID
		refused bool
		again   int // offers after ten minutes
	}{
		"no room":                           {kind: groupcast.RefusedSpace, refused: true, again: 0},
		"a list that is not whole":          {kind: groupcast.RefusedManifest + "path", refused: true, again: 0},
		"an unknown kind":                   {kind: "Something Else", refused: true, again: 0},
		"an old offer":                      {kind: groupcast.RefusedOld, session: another},
		"a broken disk, of an offer before": {kind: "io", session: another},
		"no room, of an offer before":       {kind: groupcast.RefusedSpace, session: another},
		"a version that fits no offer":      {kind: groupcast.RefusedVersion, session: none, refused: true},
		"an old offer that is the newest":   {kind: groupcast.RefusedOld, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.group("g")
				ann := w.enrol("ann", "g").attach()
				tr := w.send("g", nil)
				o := ann.offered()
				r := groupcast.Ready{Transfer: tr.No, Session: o.Session, Refused: "it says so", Kind: test.kind}
				if test.session != nil {
					r.Session = test.session(o.Session)
				}
				for range 2 { // said twice is logged once
					_, err := w.HandOut(w.ctx, *ann.p.Device, r)
					w.must(err)
				}
				d := w.deliveryOf(tr.No, "ann")
				if refused := d.State == groupcast.DeliveryRefused; refused != test.refused {
					t.Fatalf("%+v", d)
				}
				said := d.Reason == "it says so" && d.Cause == groupcast.CauseRefused && d.Refusal == test.kind.Known()
				if test.refused && !said {
					t.Errorf("%+v", d)
				}
				if n := strings.Count(w.logged.String(), "msg=refused"); n > 1 || n > 0 != test.refused {
					t.Errorf("logged %d times", n)
				}
				kept, err := w.db.Delivery(w.ctx, tr.No, ann.id)
				w.must(err)
				if (kept.State == groupcast.DeliveryRefused) != test.refused {
					t.Errorf("kept as %+v", kept)
				}
			})
		})
	}
}

// A refusal that is for good outlives a start; any otherSession is asked again then.
func TestARefusalForGoodOutlivesAStart(t *testing.T) {
	for kind, again := range map[groupcast.Refusal]bool{
		groupcast.RefusedManifest + "path": false, groupcast.RefusedSpace: true,
	} {
		t.Run(string(kind), func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.group("g")
				ann := w.enrol("ann", "g").attach()
				tr := w.send("g", nil)
				_, err := w.HandOut(w.ctx, *ann.p.Device, groupcast.Ready{
					Transfer: tr.No, Session: ann.offered().Session, Refused: "no", Kind: kind,
				})
				w.must(err)
				w.reboot()
				ann.attach()
				time.Sleep(10 * time.Minute)
				if offers := ann.offers(); len(offers) > 0 != again {
					t.Errorf("%d offers after a start", len(offers))
				}
			})
		})
	}
}

// A device that comes and goes is looked at each time; one stream that breaks after another came
// says nothing.
func TestComingAndGoing(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann := w.enrol("ann", "g")
		tr := w.send("g", nil)
		away := func() bool { return w.deliveryOf(tr.No, "ann").Cause == groupcast.CauseAway }
		if !away() || w.shown(tr.No).Cause != groupcast.CauseAway {
			t.Fatalf("before it came: %+v", w.shown(tr.No))
		}
		ann.attach()
		first := ann.stream
		if away() {
			t.Fatal("it is here")
		}
		ann.attach()
		first.Close()
		w.Left(ann.id) // of the stream before
		synctest.Wait()
		if away() || !w.deliveryOf(tr.No, "ann").Active {
			t.Fatal("the newer stream is not seen")
		}
		ann.stream.Close()
		synctest.Wait()
		if !away() {
			t.Fatal("nobody is here any more")
		}
	})
}

// What a session tells of its devices moves their deliveries.
func TestWhatASessionTells(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, _ := running(w, "ann", "bob", "cat")
		w.sender().Hear(sender.Event{Kind: sender.DeviceDone, Device: agents[0].id})
		w.sender().Hear(sender.Event{Kind: sender.DeviceBehind, Device: agents[1].id, Reason: "40 % loss"})
		synctest.Wait()
		if d := w.deliveryOf(tr.No, "ann"); !strings.Contains(d.Reason, "has every block") {
			t.Errorf("ann: %q", d.Reason)
		}
		if d := w.deliveryOf(tr.No, "bob"); d.Reason != "receives over HTTPS: 40 % loss" || d.Cause != groupcast.CauseBehind {
			t.Errorf("bob: %q", d.Reason)
		}
		if _, in := w.sender().Lacks(agents[1].id); in {
			t.Error("bob is still in the session")
		}
	})
}
