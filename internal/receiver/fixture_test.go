package receiver

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content/contenttest"
	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is for a slow machine with the race detector and much else to do.
const patience = time.Minute

var loopback = netip.MustParseAddr("127.0.0.1")

var ports = struct {
	sync.Mutex
	next uint16
}{next: 18500}

// group4 gives a group of its own to each test.
func group4() netip.AddrPort {
	ports.Lock()
	defer ports.Unlock()
	ports.next++
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 192, 89, byte(ports.next)}), ports.next)
}

// origin makes what a server would send in a session of content: it has its keys, but no machine.
type origin struct {
	t       testing.TB
	content *contenttest.Content
	key     seal.SigningKey
	secret  seal.Secret
	offer   wire.Offer
	raw     []byte
	seal    *seal.Session
	from    netip.AddrPort // what its packets come from
}

func newOrigin(t testing.TB, size int) *origin {
	t.Helper()
	o := &origin{t: t, content: contenttest.New(t, size), key: seal.NewSigningKey(), secret: seal.NewSecret()}
	o.offer = o.content.Terms(group4())
	o.offer.Session, o.offer.Tag = protocol.NewSessionID(), protocol.SessionTag(ports.next)
	o.offer.KeyCheck = seal.KeyCheck(o.secret, o.offer.Server, o.offer.Session)
	o.offer.Source, o.offer.FeedbackPort = loopback, 9
	o.raw = wire.AppendOffer(nil, o.offer)
	o.from = netip.AddrPortFrom(loopback, 7000)
	var err error
	if o.seal, err = seal.NewSession(o.secret, o.raw); err != nil {
		t.Fatal(err)
	}
	return o
}

// handout is what a device gets to take part; nobody listens at the feedback address.
func (o *origin) handout() groupcast.Handout {
	key, id := seal.NewSecret(), seal.NewFeedbackID()
	return groupcast.Handout{
		SessionSecret: o.secret[:], FeedbackKey: key[:], FeedbackID: id[:], FeedbackAddr: "127.0.0.1:9",
		Sync: o.sync(1, 1),
	}
}

// sync is a SYNC that allows all blocks of the session.
func (o *origin) sync(sequence uint64, number protocol.PacketNumber) []byte {
	return o.signed(o.key, sequence, number)
}

// forgedSync is one that a member could make: the right key, another signature.
func (o *origin) forgedSync(sequence uint64, number protocol.PacketNumber) []byte {
	return o.signed(seal.NewSigningKey(), sequence, number)
}

func (o *origin) signed(key seal.SigningKey, sequence uint64, number protocol.PacketNumber) []byte {
	return o.seal.SealSync(key, number, wire.Sync{
		Sequence: sequence, GroupSize: 1, Rate: 1 << 20, RangeFirst: 1, RangeLast: number - 1,
		WindowHigh: protocol.BlockNumber(o.content.Layout.Blocks() - 1),
	})
}

// packet seals a packet of this session's tag.
func (o *origin) packet(kind wire.Kind, number protocol.PacketNumber, body []byte) []byte {
	return o.seal.Seal(nil, wire.Header{Kind: kind, Tag: o.offer.Tag, Number: number}, body)
}

// block is a block in sealed packets, one a symbol, numbered from first on. The symbols lost are
// replaced by parity.
func (o *origin) block(n protocol.BlockNumber, first protocol.PacketNumber, lost ...int) (run []byte) {
	o.t.Helper()
	data, size := o.content.Block(n), int(o.offer.SymbolSize)
	k := protocol.SourceSymbols(len(data), size)
	padded := make([]byte, k*size)
	copy(padded, data)
	symbols := make(map[protocol.SymbolIndex][]byte)
	for i := range k {
		symbols[protocol.SymbolIndex(i)] = padded[i*size:][:size]
	}
	for i, gone := range lost {
		delete(symbols, protocol.SymbolIndex(gone))
		row := [][]byte{make([]byte, size)}
		if err := fec.NewCode().ParityRows(data, k, size, protocol.SymbolIndex(k+i), row); err != nil {
			o.t.Fatal(err)
		}
		symbols[protocol.SymbolIndex(k+i)] = row[0]
	}
	for index, symbol := range symbols {
		body := append(wire.AppendDataHeader(nil, n, len(data), index), symbol...)
		run = append(run, o.packet(wire.KindData, first, body)...)
		first++
	}
	return run
}

func newEndpoint(t testing.TB, drop func(protocol.PacketNumber) bool) *Endpoint {
	t.Helper()
	e, err := OpenEndpoint(EndpointConfig{Interface: "127.0.0.1", Server: loopback, Drop: drop})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// config is that of a device of the session that keeps blocks in store.
func (o *origin) config(e *Endpoint, store *contenttest.Store) Config {
	return Config{
		Endpoint: e, Verify: o.key.Public(), Offer: o.offer, OfferBytes: o.raw, Handout: o.handout(),
		OnManifest: func(l *manifest.Layout, raw []byte) (BlockStore, *protocol.BlockSet, error) {
			have, err := store.Stage(l, raw)
			return store, have, err
		},
	}
}

// idleReceiver is a receiver that does not run: packets are handed to it by the test.
func (o *origin) idleReceiver() *Receiver {
	o.t.Helper()
	r, err := New(o.config(newEndpoint(o.t, nil), contenttest.NewStore(o.content)))
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		r.close()
		r.closeFeedback()
	})
	return r
}

// hear hands packets of one size to a receiver, as one read of the socket gives them.
func hear(r *Receiver, from netip.AddrPort, run []byte, size int) {
	r.handleRun(arrival{from: from, segment: size}, run)
}

// drops are a receiver's counts of packets that were not used.
func drop(r *Receiver, from netip.AddrPort, p []byte) map[string]uint64 {
	hear(r, from, p, len(p))
	return r.Status().Drops
}
