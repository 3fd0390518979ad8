package receiver

import (
	"bytes"
	"context"
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
	number  protocol.PacketNumber
}

func newOrigin(t testing.TB, size int) *origin {
	t.Helper()
	o := &origin{t: t, content: contenttest.New(t, size), key: seal.NewSigningKey(), secret: seal.NewSecret()}
	o.offer = o.content.Terms(group4())
	o.offer.Session, o.offer.Tag = protocol.NewSessionID(), protocol.SessionTag(ports.next)
	o.offer.KeyCheck = seal.KeyCheck(o.secret, o.offer.Server, o.offer.Session)
	o.offer.Source, o.offer.FeedbackPort = loopback, 9
	o.raw = wire.AppendOffer(nil, o.offer)
	o.from, o.number = netip.AddrPortFrom(loopback, 7000), 1
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
	return o.ranged(key, sequence, 1, number)
}

// syncOf is a SYNC that declares packets from a number on.
func (o *origin) syncOf(sequence uint64, first, number protocol.PacketNumber) []byte {
	return o.ranged(o.key, sequence, first, number)
}

func (o *origin) ranged(key seal.SigningKey, sequence uint64, first, number protocol.PacketNumber) []byte {
	return o.seal.SealSync(key, number, wire.Sync{
		Sequence: sequence, GroupSize: 1, Rate: 1 << 20, RangeFirst: first, RangeLast: number - 1,
		WindowHigh: protocol.BlockNumber(o.content.Layout.Blocks()),
	})
}

// packet seals a packet of this session's tag.
func (o *origin) packet(kind wire.Kind, number protocol.PacketNumber, body []byte) []byte {
	return o.seal.Seal(nil, wire.Header{Kind: kind, Tag: o.offer.Tag, Number: number}, body)
}

// symbol gives a symbol of a block: a source symbol, or parity if index is k or more.
func (o *origin) symbol(n protocol.BlockNumber, index int) []byte {
	o.t.Helper()
	data, size := o.content.Block(n), int(o.offer.SymbolSize)
	k := protocol.SourceSymbols(len(data), size)
	if index < k {
		padded := make([]byte, k*size)
		copy(padded, data)
		return padded[index*size:][:size]
	}
	row := [][]byte{make([]byte, size)}
	if err := fec.NewCode().ParityRows(data, k, size, protocol.SymbolIndex(index), row); err != nil {
		o.t.Fatal(err)
	}
	return row[0]
}

// data seals a symbol.
func (o *origin) data(n protocol.BlockNumber, index int, symbol []byte) []byte {
	body := wire.AppendDataHeader(nil, n, len(o.content.Block(n)), protocol.SymbolIndex(index))
	o.number++
	return o.packet(wire.KindData, o.number, append(body, symbol...))
}

// symbols is how many source symbols a block has.
func (o *origin) symbols(n protocol.BlockNumber) int {
	return protocol.SourceSymbols(len(o.content.Block(n)), int(o.offer.SymbolSize))
}

// block is a block in sealed packets, one a symbol. In place of the first so many there is parity.
func (o *origin) block(n protocol.BlockNumber, lost int) (run []byte) {
	o.t.Helper()
	k := o.symbols(n)
	for i := min(lost, k); i < k+min(lost, k); i++ {
		run = append(run, o.data(n, i, o.symbol(n, i))...)
	}
	return run
}

// packetSize is how many bytes a data packet of the session has.
func (o *origin) packetSize() int { return int(o.offer.SymbolSize) + protocol.DataOverhead }

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
	at := arrival{from: from, segment: size}
	r.take(at, r.open(nil, time.Now(), at, bytes.Clone(run)))
}

// drop hands a packet to a receiver and gives its counts of packets that were not used.
func drop(r *Receiver, from netip.AddrPort, p []byte) map[string]uint64 {
	hear(r, from, p, len(p))
	return r.Status().Drops
}

// running starts a receiver and says when and how Run ended.
func (o *origin) running(store *contenttest.Store, change func(*Config)) (*Receiver, <-chan error) {
	o.t.Helper()
	cfg := o.config(newEndpoint(o.t, nil), store)
	if change != nil {
		change(&cfg)
	}
	r, err := New(cfg)
	if err != nil {
		o.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	over, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		over <- r.Run(ctx)
	}()
	o.t.Cleanup(func() {
		cancel()
		<-ended
	})
	return r, over
}

// until waits for something to become true.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in %s: %s", patience, what)
		}
	}
}
