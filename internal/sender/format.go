package sender

import (
	"net/netip"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// format is what differs between the formats of a transfer. What a session does is the same for both.
type format interface {
	// sign completes the terms with what the session draws, signs them, and derives the session's keys.
	sign(d drawn) (Offer, *seal.Session, error)
	// machine says what the machine sends. Its Length is called with the session's lock held.
	machine() send.Config
	// longest is the length of the longest block.
	longest() int
	// size is the length of everything, for estimates.
	size() uint64
	// lacks gives a device's list of what it lacks as blocks of the session.
	lacks(list []protocol.Range, all bool) ([]protocol.Range, error)
	// ofSession gives blocks that somebody names from outside as blocks of the session.
	ofSession(r protocol.Range) protocol.Range
	// ofContent is how many of so many blocks of the session count as content.
	ofContent(blocks int) int
	// sealSync makes the packet of a SYNC, with the session's lock held; false: the session's time is over.
	sealSync(machine *send.Sender, m wire.Sync, number protocol.PacketNumber) ([]byte, bool)
	// ahead is what the session's clock says when it begins.
	ahead() time.Duration
	// marks are what packets get their MACs from; nil: they have none.
	marks() *marks
	// outlived says whether the time of a session that is so old is used up.
	outlived(age time.Duration) bool
	// parse reads the body of a report, open a whole packet with one.
	parse(body []byte) (wire.Feedback, error)
	open(o *seal.FeedbackOpener, packet []byte) (wire.Feedback, error)
}

// drawn is what a session adds to the terms of its offer.
type drawn struct {
	secret   seal.Secret
	session  protocol.SessionID
	tag      protocol.SessionTag
	source   netip.Addr
	port     uint16               // that packets come from
	feedback uint16               // port
	symbol   uint16               // the largest that the interface carries
	clock    func() time.Duration // of the session
}

// plain is format 1.
type plain struct {
	cfg  Config
	seal *seal.Session
}

func (p *plain) sign(d drawn) (Offer, *seal.Session, error) {
	o := p.cfg.Terms
	o.SymbolSize = min(o.SymbolSize, d.symbol)
	o.Session, o.Tag = d.session, d.tag
	o.KeyCheck = seal.KeyCheck(d.secret, o.Server, o.Session)
	o.Source, o.FeedbackPort = d.source, d.feedback
	bytes := wire.AppendOffer(nil, o)
	var err error
	p.seal, err = seal.NewSession(d.secret, bytes)
	return Offer{
		Bytes: bytes, Signature: seal.SignOffer(p.cfg.Key, bytes), Session: o.Session, Number: o.Number, Group: o.Group,
		GroupAddr: o.GroupAddr, SymbolSize: o.SymbolSize, FeedbackPort: o.FeedbackPort,
	}, p.seal, err
}

func (p *plain) machine() send.Config {
	return send.Config{
		Blocks: p.cfg.Layout.Blocks(),
		Length: func(b protocol.BlockNumber) int {
			n, _ := p.cfg.Layout.Length(b)
			return n
		},
		Head:  int(p.cfg.Layout.FirstStream()),
		Zeros: p.cfg.Layout.Zeros(),
	}
}

func (p *plain) longest() int { return p.cfg.Layout.Longest() }

func (p *plain) size() uint64 { return p.cfg.Terms.TotalBytes + p.cfg.Terms.ManifestBytes }

func (p *plain) lacks(list []protocol.Range, all bool) ([]protocol.Range, error) {
	if all {
		list = nil
	}
	return protocol.MergeRanges(list, p.cfg.Layout.Blocks())
}

func (p *plain) ofSession(r protocol.Range) protocol.Range { return r }

func (p *plain) ofContent(blocks int) int { return blocks }

func (p *plain) sealSync(_ *send.Sender, m wire.Sync, number protocol.PacketNumber) ([]byte, bool) {
	return p.seal.SealSync(p.cfg.Key, number, m), true
}

func (p *plain) ahead() time.Duration { return 0 }

func (p *plain) marks() *marks { return nil }

func (p *plain) outlived(time.Duration) bool { return false }

func (p *plain) parse(body []byte) (wire.Feedback, error) { return wire.ParseFeedback(body) }

func (p *plain) open(o *seal.FeedbackOpener, packet []byte) (wire.Feedback, error) {
	return o.Open(packet)
}
