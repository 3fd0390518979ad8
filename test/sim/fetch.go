package sim

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
)

const fetchBatch = 32 // blocks of one request

// fetchAlone takes a whole transfer over HTTPS, vouched for by an offer without a session.
func (d *device) fetchAlone(b, signature []byte) {
	o, ok := d.admit(b, signature)
	if !ok {
		return
	}
	if result, done := d.receipts[o.Transfer]; done {
		d.ask(func() { d.w.server.receipt(o.Transfer, d.i, result) })
		return
	}
	if d.begin(o, b) {
		d.work.all = true
		d.fetch(d.work)
	}
}

// catchUp is the server's word that it does not wait any longer.
func (d *device) catchUp(no protocol.TransferNo, o signedOffer) {
	k := d.work
	if k == nil || k.no != no || !d.w.server.serves(k) {
		d.fetchAlone(o.bytes, o.signature)
		return
	}
	if _, ok := d.admit(o.bytes, o.signature); ok {
		k.all = true
		d.fetch(k)
	}
}

// want puts blocks onto the list of what is fetched.
func (d *device) want(k *work, r protocol.Range) {
	if k.wanted == nil {
		k.wanted = protocol.NewBlockSet(int(1 + k.offer.ManifestBlocks + k.offer.Blocks))
	}
	k.wanted.AddRange(r)
}

func (d *device) fetchManifest(k *work) {
	d.ask(func() {
		if !d.w.server.entitled(k.no, d.i) || !d.w.server.serves(k) {
			return
		}
		raw := d.w.server.transfer(k.no).content.encoded.Manifest
		d.tell(func() {
			if k.over || k.layout.Manifest() != nil {
				return
			}
			d.w.count("manifest: by HTTPS")
			d.known(k, raw)
			k.fetching = false
			d.fetch(k)
			d.pump(k)
		})
	})
}

// fetch asks for the next blocks, if any are to be fetched and no request runs.
func (d *device) fetch(k *work) {
	if k.over || k.fetching || !d.attached || k.staged {
		return
	}
	if k.staging == nil {
		if k.all || k.wanted != nil {
			k.fetching = true
			d.fetchManifest(k)
		}
		return
	}
	blocks := d.next(k)
	if len(blocks) == 0 {
		if k.all && k.staging.Missing() == 0 && k.machine == nil {
			d.finish(k)
		}
		return
	}
	k.fetching = true
	conn := d.conn
	d.ask(func() {
		if !d.w.server.entitled(k.no, d.i) || !d.w.server.serves(k) {
			return
		}
		from := d.w.server.transfer(k.no).content
		d.w.overLine(from, blocks, func() { d.tell(func() { d.fetched(k, from, blocks) }) })
	})
	// A connection that breaks takes the request with it.
	d.w.clock.After(20*d.delay, func() {
		if d.conn != conn && !k.over {
			k.fetching = false
			d.fetch(k)
		}
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

// next lists blocks that are to be fetched and are not there.
func (d *device) next(k *work) (out []protocol.BlockNumber) {
	has := k.staging.Has()
	for b := k.layout.FirstStream(); int(b) < k.layout.Blocks() && len(out) < fetchBatch; b++ {
		if !has.Has(b) && (k.all || k.wanted != nil && k.wanted.Has(b)) {
			out = append(out, b)
		}
	}
	return out
}

func (d *device) fetched(k *work, from *content, blocks []protocol.BlockNumber) {
	if k.over || k.staging == nil {
		return
	}
	k.fetching = false
	for _, b := range blocks {
		block := from.block(b)
		if k.staging == nil || k.over {
			return
		}
		if o := d.place(k, b, block); o != recv.Stored {
			return
		}
		if k.machine != nil {
			k.machine.BlockSupplied(d.w.clock.Now(), b)
		}
	}
	d.pump(k)
	if k.staging != nil && k.staging.Missing() == 0 {
		d.fetch(k)
		return
	}
	d.w.clock.After(d.plan.fetch, func() { d.fetch(k) })
}
