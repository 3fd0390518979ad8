package server

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/session"
)

type losses = map[protocol.DeviceID]float64

func TestALossMapHasAColumnASecond(t *testing.T) {
	m := newLossMap()
	m.add(sec(1), losses{dev(1): 10})
	m.add(sec(2), losses{dev(1): 0.5, dev(2): 250})
	m.add(sec(4), nil)
	const none = groupcast.LossUnknown
	for d, want := range map[byte][]byte{1: {20, 1, none}, 2: {none, 200, none}} {
		if got := m.Rows[dev(d)].Cells; !slices.Equal(got, want) {
			t.Errorf("device %d: %v, want %v", d, got, want)
		}
	}
	if want := []uint32{1, 2, 4}; !slices.Equal(m.Seconds, want) {
		t.Errorf("columns at %v, want %v", m.Seconds, want)
	}
	shown := m.show([]groupcast.Delivery{{DeviceID: dev(1), Device: "a"}, {DeviceID: dev(2), Device: "b"}})
	if shown.Heard != 2 || len(shown.Devices) != 2 || shown.Devices[0].Device != "b" || shown.Devices[1].Mean != 5.25 {
		t.Errorf("shown: %+v", shown)
	}
}

func TestALongLossMapGetsCoarserAndStaysBounded(t *testing.T) {
	m := newLossMap()
	const seconds = 3 * groupcast.MaxLossCells / groupcast.MaxLossRows
	loss := losses{}
	for i := range uint32(groupcast.MaxLossRows) {
		var d protocol.DeviceID
		binary.BigEndian.PutUint32(d[:], i)
		loss[d] = 10
	}
	for i := range seconds {
		m.add(sec(float64(i)), loss)
		if cells := len(m.Rows) * len(m.Seconds); cells > groupcast.MaxLossCells {
			t.Fatalf("%d cells", cells)
		}
	}
	if len(m.Seconds) < groupcast.MaxLossCells/groupcast.MaxLossRows/4 {
		t.Fatalf("%d columns are too few", len(m.Seconds))
	}
	for _, r := range m.Rows {
		if slices.ContainsFunc(r.Cells, func(c byte) bool { return c != 20 }) {
			t.Fatalf("a mean of equal cells is %v", r.Cells)
		}
	}
	if !m.sound() {
		t.Fatal("what it made itself is not sound")
	}
}

func TestOfTooManyDevicesTheWorstAreDrawn(t *testing.T) {
	m := newLossMap()
	loss := losses{}
	for i := range uint32(2 * groupcast.MaxLossRows) {
		var d protocol.DeviceID
		binary.BigEndian.PutUint32(d[:], i)
		loss[d] = 1
	}
	bad := protocol.DeviceID{0xff}
	for i := range 20 {
		if i == 5 {
			loss[bad] = 40
		}
		m.add(sec(float64(i)), loss)
	}
	if len(m.Rows) != groupcast.MaxLossRows || m.Rows[bad] == nil || len(m.Rows[bad].Cells) != 20 {
		t.Fatalf("%d rows, the worst: %+v", len(m.Rows), m.Rows[bad])
	}
}

func TestALossMapOutlivesItsTransferAndTheServer(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, _ := running(w, "ann", "bob")
		w.sender().reports(session.DeviceStatus{Device: agents[0].p.Device.ID, LossPercent: 7.5})
		time.Sleep(3 * time.Second)
		live, err := w.LossMap(w.ctx, local, tr.No)
		w.must(err)
		if len(live.Devices) != 1 || live.Devices[0].Device != "pc-ann" || live.Devices[0].Mean != 7.5 || live.Devices[0].Cells[0] != 15 {
			t.Fatalf("while it runs: %+v", live)
		}
		_, err = w.CancelTransfer(w.ctx, local, tr.No)
		w.must(err)
		time.Sleep(2 * seriesQuiet)
		w.settle()
		w.reboot()
		kept, err := w.LossMap(w.ctx, local, tr.No)
		w.must(err)
		if len(kept.Devices) != 1 || len(kept.Devices[0].Cells) != len(kept.Seconds) || len(kept.Seconds) < 3 || !kept.Start.Equal(live.Start) {
			t.Fatalf("after a restart: %+v", kept)
		}
		if _, err := w.LossMap(w.ctx, local, 999); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("of no transfer: %v", err)
		}
	})
}

func TestASeriesOfAnOlderServerIsStillRead(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, _, _ := running(w, "ann", "bob")
		old := []groupcast.Point{{At: t0, Sent: 8}}
		w.must(w.store.SetSeries(w.ctx, tr.No, zipped(t, old)))
		s := w.storedSeries(w.ctx, tr.No)
		if len(s.points) != 1 || s.points[0].Sent != 8 || s.loss != nil {
			t.Fatalf("read as %+v", s)
		}
	})
}

func zipped(t *testing.T, v any) []byte {
	t.Helper()
	b, err := zipJSON(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
