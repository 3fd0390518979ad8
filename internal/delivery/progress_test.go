package delivery

import (
	"math/bits"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
)

// barOf is the bar of a device that has the first so many of ten blocks.
func barOf(have int) [protocol.BarBytes]byte {
	s := protocol.NewBlockSet(10)
	s.AddRange(protocol.Range{Count: uint32(have)})
	return s.Bar(0)
}

// shownAs says what a delivery's counts and its bar show, in tenths.
func shownAs(t *testing.T, d groupcast.Delivery) (blocks, bytes, bar int) {
	t.Helper()
	set := 0
	for _, b := range d.Bar {
		set += bits.OnesCount8(b)
	}
	return d.Blocks, int(d.Bytes / 50), (set + 25) / 51
}

// A device whose feedback does not get through by UDP posts it over HTTPS: that says nothing of
// bytes, and must not take back what is known of them.
func TestBarAndBytesAgree(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", func(n *store.Transfer) { n.Via = groupcast.ViaMulticast })
		_, err := a.ready(a.offered())
		w.must(err)
		expect := func(when string, want int) {
			t.Helper()
			time.Sleep(2 * progressEvery)
			all := w.rows(tr.No)
			if blocks, bytes, bar := shownAs(t, all[0]); blocks != want || bytes != want || bar != want {
				t.Errorf("%s: %d blocks, bytes of %d and a bar of %d, want %d", when, blocks, bytes, bar, want)
			}
		}
		report := func(r groupcast.AgentReport) {
			t.Helper()
			r.Transfer, r.Path = tr.No, groupcast.PathMulticast
			w.must(a.report(r))
		}
		by := func(blocks, have int) sender.DeviceStatus {
			return sessionStatus(a.id, blocks, have)
		}
		w.sender().Report(by(2, 0))
		expect("only index and manifest", 0)
		w.sender().Report(by(7, 5))
		expect("half by multicast", 5)
		report(groupcast.AgentReport{Feedback: []byte("body")})
		now := w.rows(tr.No)
		if d := now[0]; d.Blocks != 5 || d.Bytes != 250 {
			t.Errorf("feedback over HTTPS took progress back: %d blocks, %d bytes", d.Blocks, d.Bytes)
		}
		expect("after feedback over HTTPS", 5)
		bar := barOf(8)
		report(groupcast.AgentReport{Blocks: 8, Bytes: 400, Bar: bar[:]})
		expect("more over HTTPS, the session's last word is older", 8)
		w.sender().Report(by(12, 10))
		expect("everything by multicast", 10)
	})
}

func sessionStatus(dev protocol.DeviceID, blocks, have int) sender.DeviceStatus {
	return sender.DeviceStatus{Device: dev, Blocks: blocks, Bar: barOf(have)}
}

// An agent of an older version sends no bar: none is shown, rather than one that is wrong.
func TestNoBarRatherThanAnOldOne(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", func(n *store.Transfer) { n.Via = groupcast.ViaMulticast })
		_, err := a.ready(a.offered())
		w.must(err)
		w.sender().Report(sessionStatus(a.id, 7, 5))
		time.Sleep(2 * progressEvery)
		w.must(a.report(groupcast.AgentReport{Transfer: tr.No, Blocks: 9, Bytes: 450, Path: groupcast.PathHTTPS}))
		all := w.rows(tr.No)
		if d := all[0]; d.Bar != nil || d.Bytes != 450 {
			t.Errorf("%d bytes beside a bar of %d bytes", d.Bytes, len(d.Bar))
		}
	})
}
