package receiver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/wire"
)

// pagedOrigin makes what a server would send in a session of a paged transfer: it has its keys, but no machine.
type pagedOrigin struct {
	t        testing.TB
	key      seal.SigningKey
	syncKey  seal.SigningKey
	secret   seal.Secret
	offer    format2.Offer
	raw      []byte
	seal     *seal.Session
	chain    *seal.Chain
	skeleton []byte
	index    []byte
	cut      *skeleton.Cut
	files    map[uint32][]byte // by entry
	pages    [][]byte          // all of them
	changes  []pages.Change    // what each brings
	from     netip.AddrPort
	number   protocol.PacketNumber
}

// newPagedOrigin makes a transfer of files of such sizes and of so many empty folders, and signs its pages.
func newPagedOrigin(t testing.TB, folders int, sizes ...int) *pagedOrigin {
	t.Helper()
	o := &pagedOrigin{
		t: t, key: seal.NewSigningKey(), syncKey: seal.NewSigningKey(), secret: seal.NewSecret(),
		files: map[uint32][]byte{}, from: netip.AddrPortFrom(loopback, 7000), number: 1,
	}
	o.list(folders, sizes)
	session := protocol.NewSessionID()
	o.chain = seal.NewChain(session, 2000)
	group := group4()
	o.offer = format2.Offer{
		Server: protocol.ServerID(o.key.Public().Bytes()), Group: protocol.NewGroupID(), Number: 1, Floor: 1, Transfer: 1,
		TransferID: protocol.TransferID{7}, Session: session, Tag: protocol.SessionTag(group.Port()),
		Anchor:  o.chain.Anchor(),
		SyncKey: [32]byte(o.syncKey.Public().Bytes()), SlotMS: 100, Lag: 3,
		Skeleton: format2.SkeletonDigest(o.index), SkeletonBytes: uint64(len(o.skeleton)), Edition: 1,
		Pages: pages.PagesFor(o.cut), Bytes: o.cut.Bytes(), Entries: uint32(folders + len(sizes)),
		Blocks:     uint32(o.cut.Blocks()),
		SymbolSize: protocol.DefaultSymbol, MaxK: protocol.MaxSourceSymbols, Codec: format2.CodecCauchyRS,
		Hash: format2.HashBLAKE3, AEAD: format2.AEADAES256GCM, Cutter: format2.CutterFixed, LifeSeconds: 3600,
		GroupAddr: group, Source: netip.AddrPortFrom(loopback, 0), FeedbackPort: 9, Flags: format2.OfferMulticast,
	}
	o.begin()
	o.sign(nil)
	return o
}

// begin derives what hangs on the offer.
func (o *pagedOrigin) begin() {
	o.t.Helper()
	o.offer.KeyCheck = seal.KeyCheck2(o.secret, o.offer.Server, o.offer.Session)
	o.raw = format2.AppendOffer(nil, o.offer)
	var err error
	if o.seal, err = seal.NewSession2(o.secret, o.raw); err != nil {
		o.t.Fatal(err)
	}
}

// list writes the skeleton. Names of folders share nothing, so that it becomes long.
func (o *pagedOrigin) list(folders int, sizes []int) {
	o.t.Helper()
	rnd := rand.New(rand.NewPCG(uint64(folders), 9))
	var entries []skeleton.Entry
	for range folders {
		name := fmt.Sprintf("%016x%016x%016x", rnd.Uint64(), rnd.Uint64(), rnd.Uint64())
		entries = append(entries, skeleton.Entry{Kind: manifest.KindFolder, Path: "a" + name, Mode: 0o755})
	}
	slices.SortFunc(entries, func(a, b skeleton.Entry) int { return bytes.Compare([]byte(a.Path), []byte(b.Path)) })
	for i, n := range sizes {
		e := skeleton.Entry{Kind: manifest.KindFile, Path: fmt.Sprintf("file%03d", i), Mode: 0o644, Size: uint64(n)}
		content := make([]byte, n)
		_, _ = rand.NewChaCha8([32]byte{byte(i), byte(n)}).Read(content) // never fails
		o.files[uint32(len(entries))] = content
		entries = append(entries, e)
	}
	var totals skeleton.Totals
	o.cut = skeleton.NewCut()
	for i := range entries {
		totals.Add(&entries[i])
		o.cut.Add(i, &entries[i])
	}
	if err := o.cut.Close(); err != nil {
		o.t.Fatal(err)
	}
	var raw bytes.Buffer
	w, err := skeleton.NewWriter(&raw, totals)
	for i := range entries {
		if err == nil {
			err = w.Add(&entries[i])
		}
	}
	if err == nil {
		o.index, _, err = w.Close()
	}
	if err != nil {
		o.t.Fatal(err)
	}
	o.skeleton = raw.Bytes()
}

// sign signs all pages, and none of the files of which void is true is delivered.
func (o *pagedOrigin) sign(void func(entry uint32) bool) {
	o.t.Helper()
	o.pages, o.changes = nil, nil
	w := pages.NewWriter(o.offer.Terms(), o.offer.Pages, int(o.offer.Entries), o.key, o.cut)
	for s := newReading(o, w, void); s.step(); {
		o.publish(w, false)
	}
	o.publish(w, true)
	if !w.Book().Final() {
		o.t.Fatal("the pages do not come to an end")
	}
}

func (o *pagedOrigin) publish(w *pages.Writer, hurry bool) {
	for {
		raw, c, ok, err := w.Sign(hurry)
		if err != nil {
			o.t.Fatal(err)
		}
		if !ok {
			return
		}
		o.pages, o.changes = append(o.pages, raw), append(o.changes, c)
	}
}

// reading goes through a source as a server does, block by block.
type reading struct {
	o    *pagedOrigin
	w    *pages.Writer
	void func(uint32) bool
	told map[uint32]bool
}

func newReading(o *pagedOrigin, w *pages.Writer, void func(uint32) bool) *reading {
	r := &reading{o, w, void, map[uint32]bool{}}
	o.cut.InOrder(func(e uint32) {
		_, end, _ := o.cut.File(e)
		switch {
		case void != nil && void(e):
			r.must(w.Void(e, format2.VoidChanged))
		case end == 0:
			r.must(w.Finish(e, format2.ContentDigest(nil)))
		default:
			return
		}
		r.told[e] = true
	})
	return r
}

func (r *reading) must(err error) {
	if err != nil {
		r.o.t.Error(err)
	}
}

// step hashes the next block; false: there is none.
func (r *reading) step() bool {
	b, ok := r.w.Next()
	if !ok {
		return false
	}
	r.must(r.w.Hashed(b, format2.LeafDigest(r.o.streamBlock(b))))
	for _, x := range r.o.cut.Extents(nil, b) {
		if _, end, _ := r.o.cut.File(x.Entry); end == b+1 && !r.told[x.Entry] {
			r.must(r.w.Finish(x.Entry, format2.ContentDigest(r.o.files[x.Entry])))
			r.told[x.Entry] = true
		}
	}
	return true
}

func (o *pagedOrigin) streamBlock(b uint32) (out []byte) {
	for _, x := range o.cut.Extents(nil, b) {
		out = append(out, o.files[x.Entry][x.Offset:x.Offset+uint64(x.Length)]...)
	}
	return out
}

// pageBlock and inSession give the session's block of a page, and of a block of the stream.
func (o *pagedOrigin) pageBlock(n int) protocol.BlockNumber {
	return o.offer.FirstPage() + protocol.BlockNumber(n)
}

func (o *pagedOrigin) inSession(b int) protocol.BlockNumber {
	return o.offer.FirstStream() + protocol.BlockNumber(b)
}

// block gives a block of the session.
func (o *pagedOrigin) block(b protocol.BlockNumber) []byte {
	switch {
	case b == 0:
		return o.index
	case b < o.offer.FirstPage():
		from := int(b-1) * protocol.BlockSize
		return o.skeleton[from:min(from+protocol.BlockSize, len(o.skeleton))]
	case b < o.offer.FirstStream():
		return o.pages[b-o.offer.FirstPage()]
	}
	return o.streamBlock(uint32(b - o.offer.FirstStream()))
}

// syncOf is what a SYNC says that allows all blocks and declares all pages, which were all sent.
func (o *pagedOrigin) syncOf(sequence uint64, slot uint32) format2.Sync {
	e, _ := o.chain.Element(slot)
	s := format2.Sync{
		Sync: wire.Sync{
			Sequence: sequence, GroupSize: 1, Rate: 1 << 20, RangeFirst: 1, RangeLast: o.number,
			WindowHigh: o.offer.FirstStream() + protocol.BlockNumber(o.offer.Blocks), ReportInterval: 100_000,
		},
		Index: slot, Element: e,
	}
	o.declare(&s, len(o.pages))
	return s
}

// declare makes a SYNC say that there are so many pages.
func (o *pagedOrigin) declare(s *format2.Sync, n int) {
	s.Pages, s.PageFront, s.Lengths = uint32(n), uint32(n), nil
	for _, p := range o.pages[max(0, n-format2.MaxSyncLengths):n] {
		s.Lengths = append(s.Lengths, len(p))
	}
}

// seals a SYNC into a packet; its number is that behind its range.
func (o *pagedOrigin) sealSync(key seal.SigningKey, s format2.Sync) []byte {
	o.number++
	return o.seal.SealSync2(key, s.RangeLast+1, s, int(o.offer.SymbolSize))
}

func (o *pagedOrigin) sync(sequence uint64, slot uint32) []byte {
	return o.sealSync(o.syncKey, o.syncOf(sequence, slot))
}

// declaring is a SYNC that declares so many pages, none of which was sent yet.
func (o *pagedOrigin) declaring(sequence uint64, slot uint32, n int) []byte {
	s := o.syncOf(sequence, slot)
	o.declare(&s, n)
	s.PageFront = 0
	return o.sealSync(o.syncKey, s)
}

// handout is what a device gets to take part; its SYNC declares no pages.
func (o *pagedOrigin) handout() groupcast.Handout {
	key, id := seal.NewSecret(), seal.NewFeedbackID()
	return groupcast.Handout{
		SessionSecret: o.secret[:], FeedbackKey: key[:], FeedbackID: id[:], FeedbackAddr: "127.0.0.1:9",
		Sync: o.declaring(1, 0, 0),
	}
}

// data seals a block in packets, one a symbol. In place of the first so many there is parity.
func (o *pagedOrigin) data(b protocol.BlockNumber, lost int) []byte {
	return o.bytesAs(b, o.block(b), lost)
}

// bytesAs seals any bytes as a block of the session, as a member could.
func (o *pagedOrigin) bytesAs(b protocol.BlockNumber, data []byte, lost int) (run []byte) {
	o.t.Helper()
	size := int(o.offer.SymbolSize)
	k := protocol.SourceSymbols(len(data), size)
	code := fec.NewCode()
	for i := min(lost, k); i < k+min(lost, k); i++ {
		symbol := make([]byte, size)
		if i < k {
			copy(symbol, data[i*size:])
		} else if err := code.Parity(data, k, size, protocol.SymbolIndex(i), symbol); err != nil {
			o.t.Fatal(err)
		}
		body := wire.AppendDataHeader(nil, b, len(data), protocol.SymbolIndex(i))
		o.number++
		h := wire.Header{Kind: wire.KindData, Tag: o.offer.Tag, Number: o.number}
		run = append(run, o.seal.Seal(nil, h, append(body, symbol...))...)
	}
	return run
}

func (o *pagedOrigin) packetSize() int { return int(o.offer.SymbolSize) + protocol.DataOverhead }

// tell gives packets with data to a receiver.
func (o *pagedOrigin) tell(r *Receiver, run []byte) { hear(r, o.from, run, o.packetSize()) }

// say gives it one packet.
func (o *pagedOrigin) say(r *Receiver, p []byte) { hear(r, o.from, p, len(p)) }

func (o *pagedOrigin) config(e *Endpoint, m *pagedMemory) PagedConfig {
	cfg := PagedConfig{
		Endpoint: e, Verify: o.key.Public(), Offer: o.offer, OfferBytes: o.raw, Handout: o.handout(),
		OnSkeleton: m.stage, Scratch: func() (Scratch, error) { return newScratchFile(o.t) },
	}
	return cfg
}

// idle is a receiver that does not run: packets are handed to it by the test.
func (o *pagedOrigin) idle(m *pagedMemory, change func(*PagedConfig)) *Receiver {
	o.t.Helper()
	cfg := o.config(newEndpoint(o.t, nil), m)
	if change != nil {
		change(&cfg)
	}
	r, err := NewPaged(cfg)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		r.close()
		r.closeFeedback()
		r.format.end()
	})
	return r
}

// running starts a receiver and says when and how Run ended.
func (o *pagedOrigin) running(m *pagedMemory, change func(*PagedConfig)) (*Receiver, <-chan error) {
	o.t.Helper()
	cfg := o.config(newEndpoint(o.t, nil), m)
	if change != nil {
		change(&cfg)
	}
	r, err := NewPaged(cfg)
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

// withContent is a session that begins when the skeleton is there.
func withContent(m *pagedMemory) func(*PagedConfig) {
	return func(c *PagedConfig) { c.Content = m }
}

// packet seals any body as data.
func (o *pagedOrigin) packet(body []byte) []byte {
	o.number++
	return o.seal.Seal(nil, wire.Header{Kind: wire.KindData, Tag: o.offer.Tag, Number: o.number}, body)
}

// withPort is an address with another port.
func withPort(a netip.AddrPort, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr(), port)
}

// refusing is an OnSkeleton that refuses.
func refusing(err error) func(io.Reader) (PagedContent, error) {
	return func(io.Reader) (PagedContent, error) { return nil, err }
}
