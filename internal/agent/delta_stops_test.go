package agent_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/protocol"
)

// gate holds the pages that devices read, so that they look until it is opened.
type gate struct {
	opened chan struct{}
	open   func()
	held   atomic.Int64 // answers
}

// holdsPages lets devices look until the gate is opened.
func (w *world) holdsPages() *gate {
	g := &gate{opened: make(chan struct{})}
	g.open = sync.OnceFunc(func() { close(g.opened) })
	w.t.Cleanup(g.open)
	w.tamper = func(what string, answer io.Reader) io.Reader {
		if what == "pages" {
			g.held.Add(1)
			return gated{answer, g.opened}
		}
		return answer
	}
	return g
}

type gated struct {
	io.Reader
	opened chan struct{}
}

func (g gated) Read(b []byte) (int, error) {
	<-g.opened
	return g.Reader.Read(b)
}

// image is a file that a group has, and its path at the server.
type image struct {
	*world
	path string
	data []byte
	via  groupcast.Via
	rate uint64 // bits a second; 0: no limit
}

func (w *world) image(blocks int, via groupcast.Via, names ...string) *image {
	w.t.Helper()
	i := &image{w, filepath.Join(w.t.TempDir(), "image"), random(blocks * protocol.BlockSize), via, 0}
	i.until(i.send(), groupcast.DeliveryVerified, names...)
	return i
}

// send sends it with some blocks changed.
func (i *image) send(changed ...int) groupcast.Transfer {
	i.t.Helper()
	i.data = bytes.Clone(i.data)
	for _, b := range changed {
		i.data[b*protocol.BlockSize+1]++
	}
	check(i.t, os.WriteFile(i.path, i.data, 0o644))
	return i.world.send(groupcast.NewTransfer{Paths: []string{i.path}, Now: true, Via: i.via, Rate: i.rate})
}

func (i *image) until(tr groupcast.Transfer, want groupcast.DeliveryState, names ...string) {
	i.t.Helper()
	for _, name := range names {
		i.world.until(tr, name, want)
	}
}

// A device that ends while it looks goes on when it is back; one whose transfer is cancelled or paused while it looks
// stops.
func TestADeviceIsStoppedWhileItLooks(t *testing.T) {
	w := newWorld(t)
	a, b := w.enrol("anna", true).run(), w.enrol("bert", true).run()
	i := w.image(20, groupcast.ViaMulticast, "anna", "bert")

	g := w.holdsPages()
	tr := i.send(3)
	w.await("both to look", func() bool { return g.held.Load() >= 2 })
	check(t, a.end())
	g.open()
	i.until(tr, groupcast.DeliveryVerified, "bert")
	a.run()
	i.until(tr, groupcast.DeliveryVerified, "anna")

	for _, act := range []string{"paused", "cancelled"} {
		g = w.holdsPages()
		tr = i.send(4)
		w.await("both to look", func() bool { return g.held.Load() >= 2 })
		if act == "paused" {
			_, err := w.server.PauseTransfer(t.Context(), local, tr.No)
			check(t, err)
			if d := w.delivery(tr, "anna"); d.Cause != groupcast.CausePaused {
				t.Errorf("%+v", d)
			}
			g.open()
			_, err = w.server.ResumeTransfer(t.Context(), local, tr.No)
			check(t, err)
			i.until(tr, groupcast.DeliveryVerified, "anna", "bert")
			continue
		}
		_, err := w.server.CancelTransfer(t.Context(), local, tr.No)
		check(t, err)
		g.open()
		w.await("nothing of it to be staged", func() bool { return !a.staged() && !b.staged() })
		i.until(i.send(5), groupcast.DeliveryVerified, "anna", "bert")
	}
	if !a.has("image", i.data) || !b.has("image", i.data) {
		t.Error("they do not have it as it was sent last")
	}
}

// A device that is busy with one edition of a file when the next is sent ends with the next, of which it gets what it
// lacks: it looks while the next is made, or fetches.
func TestTheNextEditionComesBeforeTheLastIsThrough(t *testing.T) {
	for _, via := range []groupcast.Via{groupcast.ViaHTTPS, groupcast.ViaMulticast} {
		for _, held := range []string{"pages", "stream"} {
			t.Run(string(via)+", "+held, func(t *testing.T) {
				w := newWorld(t)
				a, b := w.enrol("anna", true).run(), w.enrol("bert", true).run()
				i := w.image(30, via, "anna", "bert")
				g := w.holdsPages()
				if held == "stream" && via == groupcast.ViaMulticast {
					i.rate = 8_000_000
				} else if held == "stream" {
					var first atomic.Bool
					w.tamper = func(what string, answer io.Reader) io.Reader {
						if what == "stream" && !first.Swap(true) {
							g.held.Add(2)
							return io.MultiReader(io.LimitReader(answer, protocol.BlockSize+4), gated{answer, g.opened})
						}
						return answer
					}
				}
				one := i.send(slices.Collect(evens(30))...)
				w.await("both to be at it", func() bool {
					return g.held.Load() >= 2 || i.rate > 0 && w.delivery(one, "anna").State == groupcast.DeliveryReceiving
				})
				i.rate = 0
				two := i.send(1, 3)
				w.await("the first to be over", func() bool { return !w.delivery(one, "anna").State.Owed() })
				g.open()
				i.until(two, groupcast.DeliveryVerified, "anna", "bert")
				if !a.has("image", i.data) || !b.has("image", i.data) {
					t.Error("they do not have it as it was sent last")
				}
				shown, err := w.server.Transfer(t.Context(), local, two.No)
				check(t, err)
				most := uint64(2 * 30 * protocol.BlockSize)
				if n := shown.WireBytes + shown.HTTPSBytes; n > most {
					t.Errorf("%d bytes were sent", n)
				}
			})
		}
	}
}

func evens(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for b := 0; b < n && yield(b); b += 2 {
		}
	}
}

// What is lacked in more pieces than an answer may name is said by a list, and only that goes out.
func TestALongListOfWhatIsLacked(t *testing.T) {
	before := agent.SetLacks(8)
	t.Cleanup(func() { agent.SetLacks(before) })
	w := newWorld(t)
	a, b := w.enrol("anna", true).run(), w.enrol("bert", true).run()
	i := w.image(64, groupcast.ViaMulticast, "anna", "bert")
	var byDigest atomic.Int64
	w.ready = func(r groupcast.Ready) {
		if r.LacksDigest != nil {
			byDigest.Add(1)
		}
	}
	tr := i.send(slices.Collect(evens(64))...)
	i.until(tr, groupcast.DeliveryVerified, "anna", "bert")
	if byDigest.Load() != 4 {
		t.Errorf("two devices answered %d times with a digest", byDigest.Load())
	}
	if !a.has("image", i.data) || !b.has("image", i.data) {
		t.Error("they do not have it as it was sent")
	}
	shown, err := w.server.Transfer(t.Context(), local, tr.No)
	check(t, err)
	if most := uint64(48 * protocol.BlockSize); shown.WireBytes > most {
		t.Errorf("%d bytes went out, of %d that changed", shown.WireBytes, 32*protocol.BlockSize)
	}
}
