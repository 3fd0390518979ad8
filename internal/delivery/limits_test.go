package delivery

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/bandwidth"
	"github.com/groupcast/groupcast/internal/store"
)

// sendBig promises a file of so many bytes, at a rate in bits a second, and gives the offer that
// each device got of it.
func (w *world) sendBig(dir string, size int, bits uint64, via groupcast.Via, devices ...*agent) groupcast.Transfer {
	w.Helper()
	name := filepath.Join(dir, "big")
	w.must(os.WriteFile(name, bytes.Repeat([]byte("block"), size/5), 0o644))
	tr := w.sendFiles(func(tr *store.Transfer) { tr.RateLimit, tr.Via = bits, via }, name)
	for _, d := range devices {
		_, err := d.ready(d.offered())
		w.must(err)
	}
	return tr
}

// fetch reads every block of a transfer and gives the bytes and how long it took.
func (w *world) fetch(d *agent, tr groupcast.Transfer) (bytes uint64, took time.Duration, err error) {
	began := time.Now()
	r, err := d.blocks(tr.No, 0, uint32(tr.Blocks)+2)
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	return uint64(n), time.Since(began), err
}

func perSecond(bytes uint64, took time.Duration) float64 { return float64(bytes) / took.Seconds() }

// The limit of a transfer holds for HTTPS, manifest and all, however many fetch at once.
func TestTheRateOfATransferHoldsOverHTTPS(t *testing.T) {
	withContent(t, nil, func(w *world, dir string) {
		a, b := w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach()
		const limit = 1 << 20
		tr := w.sendBig(dir, 8<<20, 8*limit, groupcast.ViaHTTPS, a, b)
		var all errgroup.Group
		began, total := time.Now(), make(chan uint64, 2)
		for _, d := range []*agent{a, b} {
			all.Go(func() error {
				n, _, err := w.fetch(d, tr)
				total <- n
				return err
			})
		}
		w.must(all.Wait())
		got := perSecond(<-total+<-total, time.Since(began))
		if got > limit || got < 0.85*limit {
			t.Errorf("%.0f bytes a second of %d", got, limit)
		}
		if took := func() time.Duration {
			at := time.Now()
			for range 200 {
				w.read(w.Manifest(w.ctx, a.p, tr.No))
			}
			return time.Since(at)
		}(); took < 50*time.Millisecond {
			t.Errorf("manifests go past the limit: 200 of them in %v", took)
		}
	})
}

// The limit of all holds for transfers that have none, together.
func TestTheRateOfAllHoldsOverHTTPS(t *testing.T) {
	withContent(t, nil, func(w *world, dir string) {
		a := w.enrol("ann", "g").attach()
		const limit = 2 << 20
		w.lines = bandwidth.New(w.now, limit, func(uint64) {})
		tr := w.sendBig(dir, 8<<20, 0, "", a)
		n, took, err := w.fetch(a, tr)
		w.must(err)
		if got := perSecond(n, took); got > limit || got < 0.85*limit {
			t.Errorf("%.0f bytes a second of %d", got, limit)
		}
	})
}

// What multicast and HTTPS may use at the same time is the limit together, and all of it is the
// session's again when nobody fetches any more.
func TestMulticastAndHTTPSKeepALimitTogether(t *testing.T) {
	withContent(t, nil, func(w *world, dir string) {
		const limit, most = 1 << 20, 3 << 20
		var capped atomic.Uint64
		capped.Store(most)
		w.lines = bandwidth.New(w.now, most, capped.Store)
		a, b := w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach()
		tr := w.sendBig(dir, 4<<20, 8*limit, "", a, b)
		time.Sleep(time.Second)
		s := w.sender()
		if got := s.Limited(); got != 0 && got != limit {
			t.Fatalf("alone it may use %d", got)
		}
		n, took, err := w.fetch(b, tr)
		w.must(err)
		https, multicast := perSecond(n, took), float64(s.Limited())
		if multicast == 0 || https+multicast > limit || multicast < limit/2 || https < limit/100 {
			t.Errorf("%.0f over HTTPS beside %.0f of %d", https, multicast, limit)
		}
		if got := capped.Load(); got >= most || got < most/2 {
			t.Errorf("all sessions may use %d of %d", got, most)
		}
		time.Sleep(5 * time.Second)
		if got := s.Limited(); got != limit || capped.Load() != most {
			t.Errorf("afterwards it may use %d, and all sessions %d", got, capped.Load())
		}
	})
}

// A limit so low that a block takes long keeps a device at work: it is not called silent, and
// pieces come one after the other.
func TestALowRateIsNotSilence(t *testing.T) {
	withContent(t, nil, func(w *world, dir string) {
		a := w.enrol("ann", "g").attach()
		tr := w.sendBig(dir, 4<<20, 8*16<<10, "", a)
		r, err := a.blocks(tr.No, 2, uint32(tr.Blocks))
		w.must(err)
		defer r.Close()
		buf, last, longest := make([]byte, 256<<10), time.Now(), time.Duration(0)
		for {
			_, err := r.Read(buf)
			if err == io.EOF {
				break
			}
			w.must(err)
			longest = max(longest, time.Since(last))
			last = time.Now()
		}
		if longest > 5*time.Second {
			t.Errorf("nothing came for %v", longest)
		}
		list := w.rows(tr.No)
		if list[0].Cause == groupcast.CauseSilent {
			t.Errorf("%+v", list[0])
		}
	})
}
