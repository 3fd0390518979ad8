package telemetry

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
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
	shown := m.Show([]groupcast.Delivery{{DeviceID: dev(1), Device: "a"}, {DeviceID: dev(2), Device: "b"}})
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

// What an older server kept, the points alone, is still read; what is broken is not.
func TestASeriesIsReadBack(t *testing.T) {
	old, err := zipJSON([]groupcast.Point{{At: t0, Sent: 8}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Decode(old)
	if err != nil || len(s.Points()) != 1 || s.Points()[0].Sent != 8 || s.Loss() != nil {
		t.Fatalf("an older one is read as %+v, %v", s, err)
	}
	s.Draw()
	for i := range 5 {
		s.Add(Sample{At: sec(float64(i + 1)), Running: true, Losses: losses{dev(1): 3}})
	}
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(b)
	if err != nil || len(again.Points()) != 6 || len(again.Loss().Rows) != 1 {
		t.Fatalf("read back as %+v, %v", again, err)
	}
	again.Add(Sample{At: sec(9), Running: true, Losses: losses{dev(1): 3}})
	if r := again.Loss().Rows[dev(1)]; len(r.Cells) != 6 || r.Total.N != 6 {
		t.Fatalf("what is added to it: %+v", r)
	}
	for name, broken := range map[string][]byte{"empty": nil, "cut": b[:len(b)/2], "other": []byte("hello")} {
		t.Run(name, func(t *testing.T) {
			if _, err := Decode(broken); err == nil {
				t.Errorf("%s: read without an error", name)
			}
		})
	}
}

// A map whose rows and columns disagree cannot be added to.
func TestAnUnsoundLossMapIsLeftOut(t *testing.T) {
	m := newLossMap()
	m.add(sec(1), losses{dev(1): 1})
	m.Rows[dev(1)].Cells = append(m.Rows[dev(1)].Cells, 1, 2, 3)
	b, err := zipJSON(kept{Loss: m})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Decode(b); err != nil || s.Loss() != nil {
		t.Fatalf("taken: %+v, %v", s.Loss(), err)
	}
}

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func dev(n byte) protocol.DeviceID { return protocol.DeviceID{n} }
func sec(n float64) time.Time      { return t0.Add(time.Duration(n * float64(time.Second))) }
