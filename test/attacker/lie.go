//go:build linux

package attacker

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// lies are false reports of a member; each takes what an honest report would say.
var lies = map[string]func(s *Session, f *wire.Feedback){
	"deficit": func(s *Session, f *wire.Feedback) { // all of it is missing, for ever
		f.Received = f.Declared
		for b := range min(s.Offer.Blocks, 150) {
			f.NACKs = append(f.NACKs, wire.NACK{Block: protocol.BlockNumber(b), Deficit: 100, HighParity: wire.NoParity})
		}
	},
	"loss": func(_ *Session, f *wire.Feedback) { f.Received = f.Declared * 4 / 10 },
	"overrun": func(s *Session, f *wire.Feedback) {
		f.Overrun, f.Backlog = f.Declared/2, 60000
		f.Received = f.Declared / 2
		for b := range min(s.Offer.Blocks, 150) {
			f.NACKs = append(f.NACKs, wire.NACK{Block: protocol.BlockNumber(b), Deficit: 80, HighParity: wire.NoParity})
		}
	},
	"mismatch": func(s *Session, f *wire.Feedback) {
		f.Flags |= wire.FeedbackMismatch
		f.NACKs = append(f.NACKs, wire.NACK{Block: 0, Deficit: 2, HighParity: 200}, wire.NACK{
			Block: 1, Deficit: 2,
			HighParity: 200,
		})
	},
	"parity": func(s *Session, f *wire.Feedback) { // no parity will be new to it
		for b := range min(s.Offer.Blocks, 150) {
			f.NACKs = append(f.NACKs, wire.NACK{Block: protocol.BlockNumber(b), Deficit: 40, HighParity: 254})
		}
	},
	"everything": func(s *Session, f *wire.Feedback) {
		f.Ranges = append(f.Ranges, protocol.Range{First: 0, Count: s.Offer.Blocks})
	},
	"ahead": func(_ *Session, f *wire.Feedback) { f.High, f.Received = protocol.MaxPacketNumber, f.Declared*2 },
	"delay": func(_ *Session, f *wire.Feedback) { f.Delay, f.Flags = 3_000_000, f.Flags|wire.FeedbackMarked },
}

// lie attaches as a member and reports every 50 ms, never the truth.
func lie(ctx context.Context, p Plan, r *Report) error {
	server, err := serverAddr(p)
	if err != nil {
		return err
	}
	liars := make(map[*forger]*liar)
	return run(ctx, p, r, func(f *forger, h heard) {
		l := liars[f]
		if l == nil {
			conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(f.feedbackAddr(server)))
			if err != nil {
				say("feedback: %v", err)
				return
			}
			l = &liar{forger: f, conn: conn, told: f.high, tell: lies[p.Source]}
			liars[f] = l
			go pace(ctx, 20, l.report)
		}
		if h.header.Kind == wire.KindSync {
			l.sequence, l.at = max(l.sequence, f.sequenceOf(h.body)), time.Now()
		}
	})
}

// liar reports about one session. Its other values are those of a receiver that follows the session.
type liar struct {
	*forger
	conn     *net.UDPConn
	sequence uint64
	at       time.Time             // of the newest SYNC
	told     protocol.PacketNumber // reported so far
	tell     func(*Session, *wire.Feedback)
}

func (l *liar) report(int) {
	f := l.forger
	f.mu.Lock()
	defer f.mu.Unlock()
	if l.sequence == 0 {
		return
	}
	since := uint32(f.high - l.told)
	l.told = f.high
	word := wire.Feedback{
		SyncSequence: l.sequence, SyncAge: uint32(time.Since(l.at).Microseconds()), High: f.high,
		Declared: since, Received: since,
	}
	l.tell(f.Session, &word)
	f.report.Sent++
	if _, err := l.conn.Write(f.sealFeedback(word)); err != nil {
		f.report.Failed++
	}
}

func serverAddr(p Plan) (netip.Addr, error) {
	hostPort, err := apiclient.ParseAddress(p.Server)
	if err != nil {
		return netip.Addr{}, err
	}
	to, err := netip.ParseAddrPort(hostPort)
	return to.Addr(), err
}
