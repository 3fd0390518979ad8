package sim

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
)

// Bounds of the catch-up.
const (
	fetchBatch    = 64 // blocks of one request
	fetchTries    = 5  // that bring nothing
	fetchPause    = 200 * time.Millisecond
	manifestTries = 3 // fetches of a manifest that comes as another than the offer names
	heardLately   = time.Second
	reportEvery   = time.Second
)

// want puts blocks onto the list of what is fetched.
func (d *device) want(k *work, r protocol.Range) {
	if k.wanted == nil {
		k.wanted = protocol.NewBlockSet(k.blocks())
	}
	k.wanted.AddRange(r)
}

// fetchManifest brings the manifest over HTTPS and goes on. One that comes as another is fetched again: the
// transfer's content may be another by now, and an offer of it on its way.
func (d *device) fetchManifest(k *work, try int, then func()) {
	var raw []byte
	k.fetching = true
	d.call(func(answer func(error)) {
		c, err := d.w.server.manifest(k.no, d.i)
		if err == nil {
			raw = c.encoded.Manifest
		}
		answer(err)
	}, func(err error) {
		if k.over {
			return
		}
		k.fetching = false
		if k.layout.Manifest() != nil { // the session brought it
			then()
			return
		}
		if err != nil {
			d.stumbles(k, err)
			return
		}
		if _, err := k.layout.WithManifest(raw); err == nil {
			d.w.count("manifest: by HTTPS")
			if d.knows(k, raw); !k.over {
				then()
			}
			return
		}
		d.w.count("manifest: of other content")
		if try == manifestTries {
			d.stumbles(k, groupcast.Errorf(groupcast.EUnavailable, "the manifest came as another than the server signed for"))
			return
		}
		k.fetching = true
		d.after(k, time.Duration(try)*500*time.Millisecond, func() { d.fetchManifest(k, try+1, then) })
	})
}

// fetch asks for the next blocks, if any are to be fetched and no request runs.
func (d *device) fetch(k *work) {
	if k.over || k.fetching {
		return
	}
	if k.staging == nil {
		if k.all || k.silent || k.wanted != nil {
			d.fetchManifest(k, 1, func() {
				d.fetch(k)
				d.pump(k)
			})
		}
		return
	}
	blocks := d.next(k)
	if len(blocks) == 0 {
		if k.machine == nil && k.all && k.staging.Missing() == 0 {
			d.finish(k)
		}
		return
	}
	if d.w.clock.Now().Sub(k.reported) > reportEvery {
		d.report(k, "")
	}
	k.fetching = true
	var from *content
	d.call(func(answer func(error)) {
		c, err := d.w.server.blocks(k.no, d.i, blocks)
		if from = c; err != nil {
			answer(err)
			return
		}
		d.w.overLine(from, blocks, func() { answer(nil) })
	}, func(err error) {
		if k.over {
			return
		}
		k.fetching = false
		if err != nil {
			d.fetchAgain(k, err)
			return
		}
		d.fetched(k, from, blocks)
	})
}

// fetchAgain goes on after a request that failed, unless too many did.
func (d *device) fetchAgain(k *work, err error) {
	k.tries++
	if groupcast.ErrorCode(err) != groupcast.EUnavailable || k.tries > fetchTries {
		d.stumbles(k, err)
		return
	}
	k.fetching = true
	d.after(k, time.Duration(k.tries)*fetchPause, func() {
		k.fetching = false
		d.fetch(k)
	})
}

// overLine lets blocks take their time on the line that all catch-up shares.
func (w *world) overLine(from *content, blocks []protocol.BlockNumber, then func()) {
	if w.plan.https == 0 {
		then()
		return
	}
	n := 0
	for _, b := range blocks {
		n += len(from.block(b))
	}
	now := w.clock.Now()
	if w.line.Before(now) {
		w.line = now
	}
	w.line = w.line.Add(time.Duration(float64(n) / w.plan.https * float64(time.Second)))
	w.clock.At(w.line, then)
}

// next lists blocks that are to be fetched and are not there. As long as the group is silent that is
// everything; when it is heard again the session brings the rest.
func (d *device) next(k *work) (out []protocol.BlockNumber) {
	if k.silent && k.machine != nil && d.w.clock.Now().Sub(k.machine.Status().Heard) < heardLately {
		k.silent = false
	}
	has := k.staging.Has()
	for b := k.layout.FirstStream(); int(b) < k.layout.Blocks() && len(out) < fetchBatch; b++ {
		if !has.Has(b) && (k.all || k.silent || k.wanted != nil && k.wanted.Has(b)) {
			out = append(out, b)
		}
	}
	return out
}

func (d *device) fetched(k *work, from *content, blocks []protocol.BlockNumber) {
	k.tries = 0
	for _, b := range blocks {
		switch d.place(k, b, from.block(b)) {
		case recv.Mismatch:
			d.stumbles(k, groupcast.Errorf(groupcast.EInvalid, "block %d does not match the manifest", b))
			return
		case recv.Failed:
			return
		case recv.Stored:
		}
		if k.machine != nil {
			k.machine.BlockSupplied(d.w.clock.Now(), b)
		}
	}
	d.pump(k)
	d.after(k, d.plan.fetch, func() { d.fetch(k) })
}
