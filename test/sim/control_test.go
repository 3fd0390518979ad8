package sim

import (
	"time"

	"github.com/groupcast/groupcast"
)

// The control plane's network: a stream of events from the server to each device, in order while it
// lasts, and calls of which the request or the answer may get lost.

// stream is the event stream of a device. What is on its way when it breaks is lost, and its two ends
// notice that at different times.
type stream struct {
	d      *device
	server *process // that it belongs to
	free   time.Time
	early  []groupcast.AgentEvent // came before the device knew that it is attached
	broken bool
	ended  bool // by the server
}

var (
	errLost = groupcast.Errorf(groupcast.EUnavailable, "the connection broke")
	errDown = groupcast.Errorf(groupcast.EUnavailable, "there is no server")
)

// put sends an event.
func (st *stream) put(e groupcast.AgentEvent) {
	at := st.d.w.clock.Now().Add(st.d.way())
	if at.Before(st.free) {
		at = st.free
	}
	if at.Before(st.d.stalled) {
		at = st.d.stalled
	}
	st.free = at
	st.d.w.clock.At(at, func() { st.bring(e) })
	st.detour(e)
}

// detour brings an offer once more, after others: as the state does that was asked for before them and
// comes after.
func (st *stream) detour(e groupcast.AgentEvent) {
	w := st.d.w
	if e.Offer == nil || w.calm || !chance(w.detours, 0.15) {
		return
	}
	w.clock.After(within(w.detours, 3*time.Second), func() {
		w.count("fault: offer came late")
		st.bring(e)
	})
}

func (st *stream) bring(e groupcast.AgentEvent) {
	d := st.d
	switch {
	case st.broken || !d.alive:
		d.w.count("stream: event lost")
		d.w.note("event lost", uint64(d.i))
	case d.stream == st:
		d.hearEvent(e)
	default:
		st.early = append(st.early, e)
	}
}

// end is the server's word that the stream is over.
func (st *stream) end() {
	st.ended = true
	st.d.w.clock.After(st.d.way(), st.fallsAtDevice)
}

// fall breaks the stream: the device notices soon.
func (st *stream) fall() {
	st.broken = true
	st.d.w.note("stream breaks", uint64(st.d.i))
	st.d.w.clock.After(within(st.d.rnd, 500*time.Millisecond), st.fallsAtDevice)
}

// breaks is a fault of the network: each end notices by itself.
func (st *stream) breaks() {
	if st.broken {
		return
	}
	st.fall()
	d := st.d
	d.w.clock.After(within(d.rnd, 3*time.Second), func() {
		if d.w.server.process == st.server {
			d.w.server.left(d.i, st)
		}
	})
}

// fallsAtDevice lets the device notice, and connect again.
func (st *stream) fallsAtDevice() {
	st.broken = true
	if d := st.d; d.stream == st {
		d.stream = nil
		d.attachSoon()
	}
}

// attach opens the event stream, again and again until it stands.
func (d *device) attach() {
	if d.attaching || d.stream != nil || !d.alive {
		return
	}
	d.attaching = true
	var st *stream
	d.call(func(answer func(error)) {
		st = d.w.server.attach(d.i)
		answer(nil)
	}, func(err error) {
		d.attaching = false
		if err != nil {
			if st != nil {
				st.breaks()
			}
			d.attachSoon()
			return
		}
		d.w.note("attached", uint64(d.i))
		d.tries = 0
		d.stream = st
		early := st.early
		st.early = nil
		for _, e := range early {
			if d.stream == st && d.alive {
				d.hearEvent(e)
			}
		}
		if st.broken {
			st.fallsAtDevice()
		}
	})
}

// attachSoon tries again after a pause that grows.
func (d *device) attachSoon() {
	d.tries = min(d.tries+1, 5)
	life := d.life
	d.w.clock.After(within(d.rnd, time.Duration(d.tries)*200*time.Millisecond), func() {
		if d.life == life {
			d.attach()
		}
	})
}

// cut breaks the device's connection: its stream, and the calls that are under way.
func (d *device) cut(until time.Duration) {
	d.away = d.w.start.Add(until)
	if d.stream != nil {
		d.stream.breaks()
	}
}

// cutOff says that nothing gets through between device and server.
func (d *device) cutOff() bool { return d.w.clock.Now().Before(d.away) }

// way is how long something takes between device and server.
func (d *device) way() time.Duration {
	return d.delay + within(d.ways, 2*time.Millisecond)
}

// loses says whether a request or an answer gets lost.
func (d *device) loses() bool {
	if d.w.calm || !chance(d.ways, d.plan.callLoss) {
		return false
	}
	d.w.count("fault: call lost")
	return true
}

// call brings a request to the server, and its answer back to this process of the device; an error
// says that the server gave one, or that one of the two got lost.
func (d *device) call(serve func(answer func(error)), then func(error)) {
	w, life := d.w, d.life
	back := func(after time.Duration, err error) {
		w.clock.After(after, func() {
			if d.alive && d.life == life {
				then(err)
			}
		})
	}
	lost := func() { back(100*time.Millisecond+within(d.ways, 500*time.Millisecond), errLost) }
	d.calls++
	if d.cutOff() || d.loses() {
		lost()
		return
	}
	w.clock.After(max(d.way(), d.stalled.Sub(w.clock.Now())), func() {
		server := w.server.process
		switch {
		case d.cutOff():
			lost()
			return
		case server == nil:
			back(d.way(), errDown)
			return
		}
		serve(func(err error) {
			if d.cutOff() || w.server.process != server || d.loses() {
				lost()
				return
			}
			back(max(d.way(), d.stalled.Sub(w.clock.Now())), err)
		})
	})
}
