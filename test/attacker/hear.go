//go:build linux

package attacker

import (
	"context"
	"net/netip"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/wire"
)

// card is the only network card of a host of the lab.
const card = "eth0"

// hearGroup calls each for every packet to the group, until ctx ends.
func hearGroup(ctx context.Context, group netip.AddrPort, each func(from netip.AddrPort, packet []byte)) error {
	l, err := mcast.Listen(group)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	ifi, err := mcast.InterfaceByName(card)
	if err != nil {
		return err
	}
	if err := l.Join(ifi, group.Addr(), netip.Addr{}); err != nil {
		return err
	}
	batch := make([]mcast.Message, 32)
	for i := range batch {
		batch[i].Buffer = make([]byte, mcast.BufferBytes)
	}
	for {
		n, err := l.ReadBatch(batch)
		if err != nil {
			return err
		}
		for _, m := range batch[:n] {
			for at := 0; at < m.N; at += m.Segment {
				each(m.From, m.Buffer[at:min(at+m.Segment, m.N)])
			}
		}
	}
}

// heard is a genuine packet of a session, opened.
type heard struct {
	from   netip.AddrPort
	header wire.Header
	data   wire.Data
	mac    format2.MAC // in a session with MACs
	body   []byte
}

// hear opens what the server sends in the session.
func (s *Session) hear(ctx context.Context, each func(heard)) error {
	body := make([]byte, 0, 2048)
	return hearGroup(ctx, s.Offer.GroupAddr, func(from netip.AddrPort, packet []byte) {
		if from.Addr().Unmap() != s.Offer.Source.Unmap() {
			return
		}
		h, out, err := s.Seal.Open(body[:0], packet)
		if err != nil {
			return
		}
		p := heard{from: from, header: h, body: out}
		if h.Kind == wire.KindData {
			if p.data, p.mac, err = format2.ParseData(out, s.Offer.marked()); err != nil {
				return
			}
		}
		each(p)
	})
}
