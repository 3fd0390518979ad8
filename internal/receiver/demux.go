package receiver

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/drops"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// read reads one socket until it is closed. Packets are decrypted and given to the machine in this
// goroutine. If it cannot keep up, packets wait in the socket's buffer. The kernel bounds it and
// counts what it drops.
func (e *Endpoint) read(s *socket) {
	messages := make([]mcast.Message, readMessages)
	for n := range messages {
		messages[n].Buffer = make([]byte, mcast.BufferBytes)
	}
	for {
		n, err := s.ReadBatch(messages)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(readPause) // an interface that is gone gives errors without end
			continue
		}
		now := time.Now()
		for m := range messages[:n] {
			e.split(now, s, &messages[m])
		}
	}
}

// readPause is how long read waits after an error.
const readPause = 10 * time.Millisecond

// split hands the packets of a message to their sessions: consecutive packets of a session at once.
func (e *Endpoint) split(now time.Time, s *socket, m *mcast.Message) {
	if m.Segment <= 0 {
		return
	}
	for b := m.Buffer[:m.N]; len(b) > 0; {
		first := b[:min(m.Segment, len(b))]
		kind, tag, ok := peek(first)
		if !ok || kind == wire.KindAnnounce || kind == wire.KindProbe {
			e.handlePlain(now, first, ok, m)
			b = b[len(first):]
			continue
		}
		end := run(b, m.Segment, tag)
		if r := e.receiver(tag); r != nil {
			r.handleRun(arrival{m.From, m.Segment, m.Marked, s.Overruns()}, b[:end])
		} else {
			e.drops.Add(drops.Tag)
		}
		b = b[end:]
	}
}

// peek reads kind and tag of a packet. It is not ok if the packet is too short or of another version.
func peek(p []byte) (wire.Kind, protocol.SessionTag, bool) {
	if len(p) < protocol.MinSyncPacket || p[0]>>4 != protocol.Version {
		return 0, 0, false
	}
	return wire.Kind(p[0] & 0xF), protocol.SessionTag(binary.BigEndian.Uint32(p[1:])), true
}

// run is how many bytes from the start of b are packets of one tag.
func run(b []byte, segment int, tag protocol.SessionTag) int {
	end := min(segment, len(b))
	for end < len(b) {
		next := b[end:min(end+segment, len(b))]
		if kind, t, ok := peek(next); !ok || t != tag || kind == wire.KindAnnounce || kind == wire.KindProbe {
			break
		}
		end += len(next)
	}
	return end
}

// handlePlain hands over an ANNOUNCE or PROBE packet, and drops anything else.
func (e *Endpoint) handlePlain(now time.Time, p []byte, valid bool, m *mcast.Message) {
	if !valid || e.cfg.OnPlain == nil || !isPlain(p) || !e.admitPlain(now, m.From.Addr().Unmap()) {
		e.drops.Add(drops.Kind)
		return
	}
	e.cfg.OnPlain(p, m.To)
}

// isPlain says whether a packet parses as ANNOUNCE or PROBE.
func isPlain(p []byte) bool {
	_, announce := wire.ParseAnnounce(p)
	_, probe := wire.ParseProbe(p)
	return announce == nil || probe == nil
}

// admitPlain says whether the rate of the packet's source allows one more packet.
func (e *Endpoint) admitPlain(now time.Time, from netip.Addr) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if from == e.server || slices.Contains(e.sources, from) {
		return e.plain.AllowN(now, 1)
	}
	return e.others.AllowN(now, 1)
}

// addSource remembers an address that a session of the server comes from.
func (e *Endpoint) addSource(from netip.Addr) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if slices.Contains(e.sources, from) {
		return
	}
	if len(e.sources) == knownSources {
		e.sources = e.sources[1:]
	}
	e.sources = append(e.sources, from)
}
