package session

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is for a slow machine with the race detector and much else to do.
const patience = time.Minute

// content is a transfer of one file in memory.
type content struct {
	data    []byte
	layout  *manifest.Layout
	encoded *manifest.Encoded
	failAt  protocol.BlockNumber // ReadBlock of it fails; 0: none
	reads   sync.Map             // blocks read
}

var errSource = errors.New("the source changed")

func newContent(t testing.TB, size int) *content {
	t.Helper()
	c := &content{data: make([]byte, size)}
	rnd := rand.NewChaCha8([32]byte{byte(size)})
	rnd.Read(c.data)
	files := []manifest.File{{Path: "file", Mode: 0o644, Size: uint64(size), Digest: sha256.Sum256(c.data)}}
	blocks, err := manifest.Cut(files)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for i := range blocks {
		blocks[i].Digest = manifest.LeafDigest(c.data[at : at+int(blocks[i].Length)])
		at += int(blocks[i].Length)
	}
	c.layout, c.encoded = manifest.LayoutOf(&manifest.Manifest{Files: files, Blocks: blocks})
	return c
}

func (c *content) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) {
	c.reads.Store(n, true)
	if n == c.failAt && n > 0 {
		return 0, errSource
	}
	return copy(buf, c.block(n)), nil
}

func (c *content) block(n protocol.BlockNumber) []byte {
	length, _ := c.layout.Length(n)
	first := c.layout.FirstStream()
	switch {
	case n == 0:
		return c.encoded.Index
	case n < first:
		return c.encoded.Manifest[int(n-1)*protocol.BlockSize:][:length]
	}
	return c.data[int(n-first)*protocol.BlockSize:][:length]
}

func (c *content) terms(group netip.AddrPort) wire.Offer {
	o := wire.Offer{
		Group: protocol.NewGroupID(), Number: 1, Floor: 1, Transfer: 1,
		SymbolSize: protocol.DefaultSymbol, MaxK: protocol.MaxSourceSymbols,
		Codec: wire.CodecCauchyRS, Hash: wire.HashBLAKE3, AEAD: wire.AEADAES256GCM, Cutter: wire.CutterFixed,
		GroupAddr: group, Flags: wire.OfferMulticast,
	}
	c.layout.Fill(&o)
	return o
}

// shelf is a store in memory.
type shelf struct {
	c    *content
	mu   sync.Mutex
	data []byte
	have *protocol.BlockSet
	syncs,
	writes int
	fail error
}

func newShelf(c *content) *shelf {
	return &shelf{c: c, data: make([]byte, len(c.data)), have: protocol.NewBlockSet(c.layout.Blocks())}
}

func (s *shelf) WriteBlock(n protocol.BlockNumber, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.writes++
	copy(s.data[int(n-s.c.layout.FirstStream())*protocol.BlockSize:], data)
	s.have.Add(n)
	return nil
}

func (s *shelf) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.syncs++
	return nil
}

// missing lists what the store lacks, index and manifest included.
func (s *shelf) missing() []protocol.Range { return s.have.Missing(100) }

// rig is a server's side with one session.
type rig struct {
	t       testing.TB
	c       *content
	station *Station
	key     seal.SigningKey
	sender  *Sender
	ifi     string
	server  netip.Addr
	group   netip.AddrPort

	mu     sync.Mutex
	events []SenderEvent
}

var ports = struct {
	sync.Mutex
	next uint16
}{next: 17500}

// group4 gives a group of its own to each test.
func group4() netip.AddrPort {
	ports.Lock()
	defer ports.Unlock()
	ports.next++
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 192, 88, byte(ports.next)}), ports.next)
}

func newRig(t testing.TB, c *content, rate uint64) *rig {
	return newRigOn(t, c, rate, "127.0.0.1", netip.MustParseAddr("127.0.0.1"), group4())
}

func newRigOn(t testing.TB, c *content, rate uint64, ifi string, server netip.Addr, group netip.AddrPort) *rig {
	t.Helper()
	station, err := OpenStation(StationConfig{Interface: ifi, Feedback: netip.AddrPortFrom(server, 0)})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, c: c, station: station, key: seal.NewSigningKey(), ifi: ifi, server: server, group: group}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { station.Run(ctx) })
	t.Cleanup(func() {
		if r.sender != nil {
			r.sender.Stop()
		}
		cancel()
		wg.Wait()
		station.Close()
	})
	r.sender, err = NewSender(SenderConfig{
		Station: station, Key: r.key, Terms: c.terms(group), Source: c, Layout: c.layout, Rate: rate,
		OnEvent: r.event,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) event(e SenderEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// heard says how many events of a kind there were.
func (r *rig) heard(kind SenderEventKind) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func (r *rig) intake(drop func(protocol.PacketNumber) bool) *Intake {
	r.t.Helper()
	i, err := OpenIntake(IntakeConfig{Interface: r.ifi, Server: r.server, Drop: drop})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { i.Close() })
	return i
}

// receiver attaches a new device that has what the shelf has.
func (r *rig) receiver(i *Intake, s *shelf, change func(*ReceiverConfig)) *Receiver {
	r.t.Helper()
	fresh := s.have.Count() == 0
	h, err := r.sender.Attach(protocol.NewDeviceID(), s.missing(), fresh)
	if err != nil {
		r.t.Fatal(err)
	}
	h.FeedbackAddr = netip.AddrPortFrom(r.server, r.station.FeedbackPort()).String()
	offer, raw, signature := r.sender.Offer()
	if _, err := seal.VerifyOffer(r.key.Public(), raw, signature); err != nil {
		r.t.Fatal(err)
	}
	cfg := ReceiverConfig{
		Intake: i, Verify: r.key.Public(), Offer: offer, OfferBytes: raw, Handout: h,
		OnManifest: func(l *manifest.Layout, raw []byte) (BlockStore, *protocol.BlockSet, error) {
			if !bytes.Equal(raw, r.c.encoded.Manifest) {
				return nil, nil, errors.New("another manifest")
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			for b := range l.FirstStream() {
				s.have.Add(b)
			}
			return s, s.have, nil
		},
	}
	if !fresh {
		cfg.Manifest = r.c.encoded.Manifest
	}
	if change != nil {
		change(&cfg)
	}
	rec, err := NewReceiver(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	return rec
}

// run runs sender and receivers until all are over and gives the receivers' errors.
func (r *rig) run(receivers ...*Receiver) []error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	errs := make([]error, len(receivers)+1)
	var wg sync.WaitGroup
	for n, rec := range receivers {
		wg.Go(func() { errs[n] = rec.Run(ctx) })
	}
	wg.Go(func() { errs[len(receivers)] = r.sender.Run(ctx) })
	wg.Wait()
	return errs
}

// nicFor gives an interface whose groups of the family are heard on this machine.
func nicFor(t testing.TB, group netip.Addr) mcast.Interface {
	t.Helper()
	all, err := mcast.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Loopback == group.Is4() && i.Source(group).IsValid() {
			return i
		}
	}
	t.Skip("no interface with an address of this family")
	return mcast.Interface{}
}

func (s *shelf) check(t testing.TB, who any) {
	t.Helper()
	if !bytes.Equal(s.data, s.c.data) {
		t.Errorf("%v: the bytes differ", who)
	}
	if s.syncs == 0 {
		t.Errorf("%v: nothing was made durable", who)
	}
}

func name(n int) string { return fmt.Sprintf("receiver %d", n) }
