package receiver

import (
	"net/netip"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// TestPacketsGoToTheirSession: of a message with packets of two sessions, of nobody's and of none, each
// session has its own.
func TestPacketsGoToTheirSession(t *testing.T) {
	e := newEndpoint(t, nil)
	var sessions []*Receiver
	var origins []*origin
	for range 2 {
		o := newOrigin(t, 1<<20)
		r := o.idleReceiver()
		if err := e.add(r); err != nil {
			t.Fatal(err)
		}
		sessions, origins = append(sessions, r), append(origins, o)
	}
	a, b, stranger := origins[0], origins[1], newOrigin(t, 1<<20)
	packet := func(o *origin) []byte { return o.data(0, 0, o.symbol(0, 0)) }
	garbage := make([]byte, a.packetSize())
	var message []byte
	for _, p := range [][]byte{packet(a), packet(a), packet(b), garbage, packet(stranger), packet(a), garbage[:5]} {
		message = append(message, p...)
	}
	m := mcast.Message{Buffer: message, N: len(message), Segment: a.packetSize(), From: a.from}
	in := &batch{messages: []mcast.Message{m}, n: 1, at: time.Now()}
	e.open(in)
	e.deliver(in)
	for n, r := range sessions {
		if len(r.jobs) != 1 || r.jobs[0].Block != 0 { // the index has one symbol
			t.Errorf("session %d: %d blocks are complete", n, len(r.jobs))
		}
		if st := r.Status(); len(st.Drops) > 0 && (n > 0 || st.Drops["tag"] > 0) {
			t.Errorf("session %d dropped %v", n, st.Drops)
		}
	}
	if got := e.Drops(); got["kind"] != 2 || got["tag"] != 1 {
		t.Errorf("the endpoint dropped %v", got)
	}
	in.messages[0].Segment = 0
	e.open(in) // no packets: nothing happens
	if len(in.runs) > 0 {
		t.Errorf("%d runs of no packets", len(in.runs))
	}
}

func TestRunsAreOfOneSession(t *testing.T) {
	const size = protocol.MinSyncPacket
	packet := func(kind wire.Kind, tag protocol.SessionTag, size int) []byte {
		header := wire.AppendHeader(nil, wire.Header{Kind: kind, Tag: tag})
		return append(header, make([]byte, size-protocol.GroupHeaderBytes)...)
	}
	join := func(packets ...[]byte) (b []byte) {
		for _, p := range packets {
			b = append(b, p...)
		}
		return b
	}
	data := packet(wire.KindData, 1, size)
	for _, c := range []struct {
		name string
		b    []byte
		want int
	}{
		{"one", data, size},
		{"three", join(data, data, data), 3 * size},
		{"data and SYNC", join(data, packet(wire.KindSync, 1, size)), 2 * size},
		{"another session follows", join(data, packet(wire.KindData, 2, size), data), size},
		{"an announcement follows", join(data, packet(wire.KindAnnounce, 1, size)), size},
		{"a probe follows", join(data, packet(wire.KindProbe, 1, size)), size},
		{"a rest that is too short", join(data, data[:size-1]), size},
		{"another version follows", join(data, make([]byte, size)), size},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := together(c.b, size, 1); got != c.want {
				t.Errorf("%d bytes", got)
			}
		})
	}
}

func TestSourcesAreRemembered(t *testing.T) {
	e := newEndpoint(t, nil)
	for n := range byte(2 * knownSources) {
		e.addSource(netip.AddrFrom4([4]byte{10, 0, 0, n}))
		e.addSource(netip.AddrFrom4([4]byte{10, 0, 0, n}))
	}
	if n := len(e.sources); n != knownSources || e.sources[n-1] != netip.AddrFrom4([4]byte{10, 0, 0, 2*knownSources - 1}) {
		t.Errorf("%d addresses, the last is %s", n, e.sources[n-1])
	}
}
