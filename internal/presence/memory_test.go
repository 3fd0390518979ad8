package presence

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/protocol"
)

// BenchmarkAttachedDevice says how much memory one attached device takes here: one that has read
// what it was sent, one that lags by a few events, and one that is about to be cut off.
func BenchmarkAttachedDevice(b *testing.B) {
	const devices = 10_000
	for _, behind := range []int{0, 8, MaxBehind} {
		b.Run(fmt.Sprintf("%d_events_behind", behind), func(b *testing.B) {
			for b.Loop() {
				before := heap()
				a := attachMany(b, devices, behind)
				b.ReportMetric(float64(heap()-before)/devices, "B/device")
				runtime.KeepAlive(a)
			}
		})
	}
}

// BenchmarkSubscriber says the same of those who watch.
func BenchmarkSubscriber(b *testing.B) {
	const watchers = 1000
	for b.Loop() {
		before := heap()
		e := NewEvents(auth.Bounds{What: "event streams", All: watchers}, atNoon)
		for range watchers {
			st, err := e.Subscribe(person("ann"))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := st.Next(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(heap()-before)/watchers, "B/watcher")
		runtime.KeepAlive(e)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// attachMany attaches devices as real ones do, each with a machine's name and boot.
func attachMany(tb testing.TB, n, behind int) *Agents {
	tb.Helper()
	a := NewAgents(AgentsConfig{
		Now: time.Now, Streams: auth.Bounds{What: "attached receivers", All: n}, Every: time.Second, Burst: 3,
		Speaks: groupcast.Spoken(), Left: func(protocol.DeviceID) {},
	})
	for i := range n {
		p := person(fmt.Sprintf("user-%06d", i))
		var id protocol.DeviceID
		binary.BigEndian.PutUint32(id[:], uint32(i))
		p.Device, p.From = &groupcast.Device{ID: id, UserID: p.User.ID, User: p.User.Name, Name: "pc"}, "192.0.2.1"
		if err := a.MayAttach(id); err != nil {
			tb.Fatal(err)
		}
		say := groupcast.Attach{Instance: fmt.Sprintf("%032x", i), Boot: fmt.Sprintf("%036x", i), Speaks: groupcast.Spoken()}
		st, _, err := a.Attach(p, say)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := st.Next(tb.Context()); err != nil {
			tb.Fatal(err)
		}
		a.NoteMTU(id, 1500)
		for range behind {
			a.Send(id, groupcast.AgentEvent{Kind: groupcast.AgentHint})
		}
	}
	return a
}

// A device that has read what it was sent takes less memory here than a tenth of a full stream.
func TestAnIdleDeviceTakesLittleMemory(t *testing.T) {
	const devices, most = 2000, 4096
	before := heap()
	a := attachMany(t, devices, 0)
	if each := (heap() - before) / devices; each > most {
		t.Errorf("%d bytes for each attached device, want %d at most", each, most)
	}
	runtime.KeepAlive(a)
}
