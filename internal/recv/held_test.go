package recv_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

const heldSlot = 50 * time.Millisecond

var heldStart = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// heldAt holds packets of slots of 50 ms with a lag of 3, at a device whose clock is that of the sender.
func heldAt(most int) *recv.Held {
	h := recv.NewHeld(heldSlot, 3, 0, most)
	h.SetClock(heldStart, recv.Clock{Asked: heldStart})
	return h
}

func markOf(slot int) format2.MAC { return format2.MAC{Slot: uint8(slot), Tag: [7]byte{1}} }

// TestPacketsAreSafeWhileNobodyKnowsTheirKey: a packet of slot i counts while the sender cannot be in slot i+3.
func TestPacketsAreSafeWhileNobodyKnowsTheirKey(t *testing.T) {
	for _, c := range []struct {
		slot int
		at   time.Duration
		want recv.Verdict
	}{
		{10, 10 * heldSlot, recv.Kept},
		{10, 13*heldSlot - 5*time.Millisecond, recv.Kept},
		{10, 13 * heldSlot, recv.Late},
		{10, 20 * heldSlot, recv.Late},
		{11, 10 * heldSlot, recv.Late},                  // 256 slots ago: this one has not begun
		{300 & 0xFF, 300 * heldSlot, recv.Kept},         // its low byte is of the newest
		{299 & 0xFF, 300 * heldSlot, recv.Kept},         //
		{300&0xFF + 1, 300 * heldSlot, recv.Late},       //
		{0, 0, recv.Late},                               // the anchor is in the offer
		{1, time.Hour + 1*heldSlot, recv.Late},          // the clock may be 0.7 s ahead by then
		{10, 13*heldSlot - time.Millisecond, recv.Kept}, //
	} {
		h := heldAt(1000)
		if got := h.Keep(heldStart.Add(c.at), 7, []byte{1}, markOf(c.slot)); got != c.want {
			t.Errorf("of slot %d at %v: %d, want %d", c.slot, c.at, got, c.want)
		}
	}
	h := recv.NewHeld(heldSlot, 3, 0, 1000)
	if got := h.Keep(heldStart, 7, []byte{1}, markOf(1)); got != recv.Late {
		t.Errorf("without a clock: %d", got)
	}
}

// TestASlowQuestionMakesPacketsLate: the clock may be ahead by all that the answer took, and by what it drifts.
func TestASlowQuestionMakesPacketsLate(t *testing.T) {
	at := heldStart.Add(10 * heldSlot)
	h := recv.NewHeld(heldSlot, 3, 0, 1000)
	h.SetClock(at, recv.Clock{Asked: at.Add(-2 * heldSlot), Stamp: 10 * heldSlot})
	if got := h.Keep(at, 7, []byte{1}, markOf(9)); got != recv.Late {
		t.Errorf("with an answer that took 100 ms: %d", got)
	}
	h.SetClock(at, recv.Clock{Asked: at.Add(-time.Millisecond), Stamp: 10 * heldSlot})
	if got := h.Keep(at, 7, []byte{1}, markOf(9)); got != recv.Kept {
		t.Errorf("with one that took 1 ms: %d", got)
	}
	h.SetClock(at, recv.Clock{Asked: at.Add(-2 * heldSlot), Stamp: 10 * heldSlot})
	if got := h.Keep(at, 7, []byte{1}, markOf(9)); got != recv.Kept {
		t.Errorf("a worse answer counts: %d", got)
	}
	drifted := recv.Clock{Asked: at}.Latest(at.Add(100 * time.Second))
	if drifted != 100*time.Second+20*time.Millisecond {
		t.Errorf("after 100 s the clock may say %v", drifted)
	}
}

// released writes down what Release does.
func released(h *recv.Held, index uint32, last protocol.PacketNumber) (out []string) {
	h.Release(index, last, recv.Judge{
		Genuine: func(slot uint32, n protocol.PacketNumber, plain []byte, m format2.MAC) bool { return m.Tag[0] == 1 },
		Data:    func(n protocol.PacketNumber, plain []byte) { out = append(out, fmt.Sprint(n, " ", string(plain))) },
		Sync:    func(s format2.Sync) { out = append(out, fmt.Sprint("sync ", s.Sequence)) },
		Forged:  func() { out = append(out, "forged") },
		Beyond:  func() { out = append(out, "beyond") },
	})
	return out
}

// TestHeldPacketsAreJudgedSlotBySlot: in the order of slots, within one as they came, with SYNCs among them; what is
// of later slots waits.
func TestHeldPacketsAreJudgedSlotBySlot(t *testing.T) {
	h := heldAt(1000)
	at := func(slot float64) time.Time { return heldStart.Add(time.Duration(slot * float64(heldSlot))) }
	keep := func(when float64, slot int, n protocol.PacketNumber, text string, tag byte) {
		m := markOf(slot)
		m.Tag[0] = tag
		buf := []byte(text)
		if got := h.Keep(at(when), n, buf, m); got != recv.Kept {
			t.Fatalf("%s: %d", text, got)
		}
		copy(buf, "????")
	}
	keep(6.1, 6, 3, "c", 1)
	keep(6.1, 5, 1, "a", 1) // overtaken
	keep(6.2, 6, 4, "d", 9)
	h.KeepSync(format2.Sync{Sync: wire.Sync{Sequence: 8, SentAt: uint64((6 * heldSlot).Microseconds())}})
	keep(6.3, 6, 99, "far", 1)
	keep(7, 7, 5, "e", 1)
	if got := released(h, 4, 50); len(got) > 0 {
		t.Errorf("of slot 4: %v", got)
	}
	if got := released(h, 6, 50); !slices.Equal(got, []string{"1 a", "3 c", "forged", "sync 8", "beyond"}) {
		t.Errorf("of slots 5 and 6: %v", got)
	}
	if got := h.Keep(at(7), 6, []byte("late"), markOf(6)); got != recv.Late {
		t.Errorf("of a slot whose key is known: %d", got)
	}
	if got := released(h, 20, 50); !slices.Equal(got, []string{"5 e"}) || h.Bytes() != 0 {
		t.Errorf("of slot 7: %v, %d bytes", got, h.Bytes())
	}
}

// TestHeldBytesAreBounded: a member cannot make a device hold more than it may, and the memory is used again.
func TestHeldBytesAreBounded(t *testing.T) {
	const most = 1 << 20
	h := heldAt(most)
	packet := bytes.Repeat([]byte{7}, 1416)
	full := 0
	for round := range 5 {
		slot := 10 + 10*round
		now := heldStart.Add(time.Duration(slot) * heldSlot)
		for n := range 2000 {
			if h.Keep(now, protocol.PacketNumber(n), packet, markOf(slot)) == recv.Full {
				full++
			}
		}
		if h.Bytes() > most {
			t.Fatalf("%d bytes are held", h.Bytes())
		}
		if got := len(released(h, uint32(slot), 5000)); got != most/len(packet) {
			t.Errorf("round %d: %d were kept", round, got)
		}
	}
	if full != 5*(2000-most/len(packet)) {
		t.Errorf("%d found no room", full)
	}
}

// BenchmarkHold is what holding and handing over a packet costs, without its MAC.
func BenchmarkHold(b *testing.B) {
	h := heldAt(recv.HeldBytes)
	packet := bytes.Repeat([]byte{7}, protocol.DefaultSymbol+protocol.DataHeaderBytes+protocol.GroupHeaderBytes+1)
	j := recv.Judge{
		Genuine: func(uint32, protocol.PacketNumber, []byte, format2.MAC) bool { return true },
		Data:    func(protocol.PacketNumber, []byte) {},
	}
	slot := 1
	b.SetBytes(protocol.DefaultSymbol)
	b.ReportAllocs()
	n := protocol.PacketNumber(0)
	for b.Loop() {
		if n++; n%4000 == 0 { // about what comes in 50 ms at 1 Gbit/s
			if slot > 3 {
				h.Release(uint32(slot-3), n, j)
			}
			slot++
		}
		if h.Keep(heldStart.Add(time.Duration(slot)*heldSlot), n, packet, markOf(slot)) != recv.Kept {
			b.Fatal("not kept")
		}
	}
}
