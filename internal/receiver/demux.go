package receiver

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/drops"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// read reads one socket until it is closed. If what is behind it cannot keep up, packets wait in the
// socket's buffer. The kernel bounds it and counts what it drops.
func (e *Endpoint) read(s *socket) {
	p := newPipeline(e)
	defer p.end()
	for {
		b := p.batch()
		n, err := s.ReadBatch(b.messages)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			p.free <- b
			time.Sleep(readPause) // an interface that is gone gives errors without end
			continue
		}
		b.n, b.at, b.overruns = n, time.Now(), s.Overruns()
		p.put(b)
	}
}

// readPause is how long read waits after an error.
const readPause = 10 * time.Millisecond

// peek reads kind and tag of a packet. It is not ok if the packet is too short or of another version. The session of
// the tag sees whether the version is its own.
func peek(p []byte) (wire.Kind, protocol.SessionTag, bool) {
	if len(p) < protocol.MinSyncPacket || p[0]>>4 != protocol.Version && p[0]>>4 != format2.Version {
		return 0, 0, false
	}
	return wire.Kind(p[0] & 0xF), protocol.SessionTag(binary.BigEndian.Uint32(p[1:])), true
}

// together is how many bytes from the start of b are packets of one tag.
func together(b []byte, segment int, tag protocol.SessionTag) int {
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
func (e *Endpoint) handlePlain(now time.Time, p []byte, m *mcast.Message) {
	if e.cfg.OnPlain == nil || !isPlain(p) || !e.admitPlain(now, m.From.Addr().Unmap()) {
		e.drops.Add(drops.Kind)
		return
	}
	e.cfg.OnPlain(p, m.To)
}

// isPlain says whether a packet parses as ANNOUNCE or PROBE of either format.
func isPlain(p []byte) bool {
	if kind := wire.Kind(p[0] & 0xF); p[0]>>4 == format2.Version && (kind == wire.KindAnnounce || kind == wire.KindProbe) {
		_, _, _, err := format2.ParseClear(p, kind)
		return err == nil
	}
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
