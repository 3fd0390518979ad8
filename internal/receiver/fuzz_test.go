package receiver

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// FuzzMessage gives an endpoint with a session of each format what a socket may give: packets that nobody with the
// session's key sealed. None of them is opened, and what is handed to the agent is an announcement or a probe.
func FuzzMessage(f *testing.F) {
	var plain [][]byte
	e, err := OpenEndpoint(EndpointConfig{
		Interface: "127.0.0.1", Server: loopback,
		OnPlain: func(p []byte, _ netip.Addr) { plain = append(plain, bytes.Clone(p)) },
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { e.Close() })
	first, paged := newOrigin(f, 300_000), newPagedOrigin(f, 0, 300_000)
	for _, r := range []*Receiver{first.idleReceiver(), paged.idle(newPagedMemory(paged), nil)} {
		if err := e.add(r); err != nil {
			f.Fatal(err)
		}
	}
	for _, p := range strangers(f, first, paged) {
		f.Add(p, len(p))
		for i := range 11 {
			other := bytes.Clone(p)
			other[i] ^= 0x30
			f.Add(append(bytes.Clone(p), other...), len(p))
		}
	}
	f.Fuzz(func(t *testing.T, message []byte, segment int) {
		if len(message) > mcast.BufferBytes {
			return
		}
		plain = nil
		m := mcast.Message{Buffer: message, N: len(message), Segment: segment, From: first.from, To: loopback}
		in := &batch{messages: []mcast.Message{m}, n: 1, at: time.Now()}
		e.open(in)
		if len(in.packets) > 0 {
			t.Errorf("%d packets were opened that nobody sealed", len(in.packets))
		}
		e.deliver(in)
		for _, p := range plain {
			if !announces(p) {
				t.Errorf("handed to the agent: %x", p)
			}
		}
	})
}

// strangers are packets of either format that look as if they were of these sessions, by others' keys.
func strangers(f *testing.F, first *origin, paged *pagedOrigin) [][]byte {
	one, two := newOrigin(f, 300_000), newPagedOrigin(f, 0, 300_000)
	out := [][]byte{
		one.data(0, 0, one.symbol(0, 0)), one.sync(2, 2), two.data(0, 0), two.sync(2, 1),
		seal.SignAnnounce(one.key, wire.Announce{}), seal.SignProbe2(one.key, wire.Probe{}),
		seal.SignBeacon(one.key, two.key, format2.Beacon{}),
	}
	for i, p := range out[:4] {
		tag := first.offer.Tag
		if i >= 2 {
			tag = paged.offer.Tag
		}
		binary.BigEndian.PutUint32(p[1:], uint32(tag))
	}
	return out
}

// announces says whether a packet is an announcement or a probe of either format.
func announces(p []byte) bool {
	_, announce := wire.ParseAnnounce(p)
	_, probe := wire.ParseProbe(p)
	_, _, _, announce2 := format2.ParseClear(p, wire.KindAnnounce)
	_, _, _, probe2 := format2.ParseClear(p, wire.KindProbe)
	return announce == nil || probe == nil || announce2 == nil || probe2 == nil
}
