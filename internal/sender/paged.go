package sender

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/wire"
)

// The chain of a session of format 2 (docs/format-2.md §5).
const (
	slot        = 100 * time.Millisecond
	lag         = 3 // slots
	defaultLife = time.Hour
)

// ErrLifeOver says that the time of a session of format 2 is used up: another one follows it.
var ErrLifeOver = errors.New("the session's time is used up")

// PagedSource gives the blocks of a session of format 2, and says which pages may leave. It is called from several
// goroutines. ReadBlock may take as long as it wants; the others answer at once.
type PagedSource interface {
	BlockSource
	// Cut is how the skeleton cuts the stream.
	Cut() *skeleton.Cut
	// SignedFrom gives the pages from number n on that are durable. The channel is closed once there are more, or will
	// be none.
	SignedFrom(n protocol.PageNo) (list []pages.Signed, changed <-chan struct{})
	// Hurry asks for a page of what is hashed so far: the session has nothing left to send.
	Hurry()
	// Sent says that the blocks of the stream below front were sent.
	Sent(front uint32)
}

// PagedConfig says what NewPaged makes a session of. Terms is the offer without what the session fills in: session ID,
// tag, keys and chain, the algorithms, addresses other than the group's, and the feedback port.
type PagedConfig struct {
	Endpoint *Endpoint
	Key      seal.SigningKey
	Terms    format2.Offer
	Source   PagedSource
	Rate     uint64        // bytes a second; 0: auto
	Life     time.Duration // of the session; 0: an hour
	OnEvent  func(Event)   // as in Config
}

// NewPaged is New for a transfer of format 2. Attach and Failed take blocks of the stream. When the session's life is
// over, Run ends with ErrLifeOver; when the source says that a block cannot be sent, with its error.
func NewPaged(cfg PagedConfig) (*Sender, error) {
	if cfg.Life == 0 {
		cfg.Life = defaultLife
	}
	cut := cfg.Source.Cut()
	if cut.Blocks() != int(cfg.Terms.Blocks) {
		return nil, fmt.Errorf("the offer says %d blocks, its skeleton %d", cfg.Terms.Blocks, cut.Blocks())
	}
	p := &paged{cfg: cfg, key: seal.NewSigningKey(), cut: cut, feed: newPageFeed(cfg.Source, &cfg.Terms, cut)}
	c := common{cfg.Endpoint, cfg.Terms.GroupAddr, cfg.Source, cfg.Rate, cfg.OnEvent}
	s, err := newSender(c, p, p.feed)
	if err != nil {
		return nil, err
	}
	p.feed.begin(time.Now(), s.machine)
	return s, nil
}

// paged is format 2.
type paged struct {
	cfg    PagedConfig
	key    seal.SigningKey // of SYNCs
	chain  *marks
	lag    uint64 // slots
	cut    *skeleton.Cut
	feed   *pageFeed
	seal   *seal.Session
	symbol int
}

func (p *paged) sign(d drawn) (Offer, *seal.Session, error) {
	o := p.cfg.Terms
	length, spare := slot, uint32(0)
	p.lag = lag
	if o.Flags&format2.OfferMACs != 0 {
		length, spare, p.lag = markSlot, markSpare, markLag
	}
	slots := uint32((p.cfg.Life + length - 1) / length)
	p.chain = &marks{slot: length, clock: d.clock, chain: seal.NewChain(d.session, slots+uint32(p.lag)+spare)}
	if o.SymbolSize = min(o.SymbolSize, d.symbol); o.SymbolSize == 0 {
		o.SymbolSize = d.symbol
	}
	if o.Flags&format2.OfferMACs != 0 {
		o.SymbolSize -= format2.MACBytes
	}
	o.MaxK, o.Codec, o.Hash = protocol.MaxSourceSymbols, format2.CodecCauchyRS, format2.HashBLAKE3
	o.AEAD, o.Cutter = format2.AEADAES256GCM, format2.CutterFixed
	o.Session, o.Tag = d.session, d.tag
	o.KeyCheck = seal.KeyCheck2(d.secret, o.Server, o.Session)
	o.SyncKey, o.Anchor = [32]byte(p.key.Public().Bytes()), p.chain.chain.Anchor()
	o.SlotMS, o.Lag = uint16(length.Milliseconds()), uint8(p.lag)
	o.LifeSeconds = uint32((p.cfg.Life + time.Second - 1) / time.Second)
	o.GroupAddr = netip.AddrPortFrom(o.GroupAddr.Addr().Unmap(), o.GroupAddr.Port())
	o.Source, o.FeedbackPort = netip.AddrPortFrom(d.source.Unmap(), d.port), d.feedback
	o.Flags |= format2.OfferMulticast
	bytes := format2.AppendOffer(nil, o)
	var err error
	p.seal, err = seal.NewSession2(d.secret, bytes)
	p.symbol, p.chain.seal = int(o.SymbolSize), p.seal
	return Offer{
		Bytes: bytes, Signature: seal.SignOffer(p.cfg.Key, bytes), Session: o.Session, Number: o.Number, Group: o.Group,
		GroupAddr: o.GroupAddr, SymbolSize: o.SymbolSize, FeedbackPort: o.FeedbackPort, Paged: true,
		MACs: o.Flags&format2.OfferMACs != 0,
	}, p.seal, err
}

func (p *paged) machine() send.Config {
	return send.Config{
		Blocks: int(p.feed.stream) + p.cut.Blocks(), Length: p.feed.length,
		Head: int(p.feed.stream), Pages: int(p.cfg.Terms.Pages),
	}
}

func (p *paged) longest() int { return protocol.BlockSize }

func (p *paged) size() uint64 { return p.cfg.Terms.Bytes }

func (p *paged) lacks(list []protocol.Range, all bool) ([]protocol.Range, error) {
	if all {
		return nil, nil
	}
	list, err := protocol.MergeRanges(list, p.cut.Blocks())
	if err != nil {
		return nil, err
	}
	out := p.feed.pagesOf(list)
	for _, r := range list {
		out = append(out, p.ofSession(r))
	}
	return out, nil
}

func (p *paged) ofSession(r protocol.Range) protocol.Range {
	return protocol.Range{First: p.feed.stream + r.First, Count: r.Count}
}

func (p *paged) ofContent(blocks int) int { return max(0, blocks-int(p.feed.stream)) }

func (p *paged) sealSync(machine *send.Sender, m wire.Sync, number protocol.PacketNumber) ([]byte, bool) {
	s := format2.Sync{Sync: m, Flags: format2.SyncFlags(m.Flags)}
	at := m.SentAt / uint64(p.chain.slot.Microseconds())
	var ok bool
	s.Index = uint32(max(at, p.lag) - p.lag)
	if s.Element, ok = p.chain.element(s.Index); !ok {
		return nil, false
	}
	p.feed.declare(machine, &s)
	return p.seal.SealSync2(p.key, number, s, p.symbol), true
}

// ahead: the key of slot 0 is in the offer, so that nothing may be sent in it.
func (p *paged) ahead() time.Duration {
	if p.cfg.Terms.Flags&format2.OfferMACs == 0 {
		return 0
	}
	return markSlot
}

// marks are what packets get their MACs from; nil: they have none.
func (p *paged) marks() *marks {
	if p.cfg.Terms.Flags&format2.OfferMACs == 0 {
		return nil
	}
	return p.chain
}

func (p *paged) outlived(age time.Duration) bool { return age >= p.cfg.Life }

func (p *paged) parse(body []byte) (wire.Feedback, error) {
	f, err := format2.ParseFeedback(body)
	return f.Feedback, err
}

func (p *paged) open(o *seal.FeedbackOpener, packet []byte) (wire.Feedback, error) {
	f, err := o.Open2(packet)
	return f.Feedback, err
}
