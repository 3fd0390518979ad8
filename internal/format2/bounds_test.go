package format2

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// What an offer must not say is refused, whoever signed it.
func TestBoundsOfAnOffer(t *testing.T) {
	good, err := ParseOffer(readVectors(t).Offer.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		set   func(*Offer)
		newer bool
	}{
		"an unknown flag":            {func(o *Offer) { o.Flags |= 16 }, true},
		"another codec":              {func(o *Offer) { o.Codec = 2 }, true},
		"another hash":               {func(o *Offer) { o.Hash = 3 }, true},
		"another cutter":             {func(o *Offer) { o.Cutter = 2 }, true},
		"another AEAD":               {func(o *Offer) { o.AEAD = 2 }, true},
		"slots too short":            {func(o *Offer) { o.SlotMS = 19 }, false},
		"slots too long":             {func(o *Offer) { o.SlotMS = 1001 }, false},
		"no lag":                     {func(o *Offer) { o.Lag = 1 }, false},
		"too long a lag":             {func(o *Offer) { o.Lag = 9 }, false},
		"no life":                    {func(o *Offer) { o.LifeSeconds = 0 }, false},
		"more than a day":            {func(o *Offer) { o.LifeSeconds = 86_401 }, false},
		"no skeleton":                {func(o *Offer) { o.SkeletonBytes = 23 }, false},
		"a skeleton too large":       {func(o *Offer) { o.SkeletonBytes = 1<<27 + 1 }, false},
		"edition 0":                  {func(o *Offer) { o.Edition = 0 }, false},
		"no pages":                   {func(o *Offer) { o.Pages = 0 }, false},
		"too many pages":             {func(o *Offer) { o.Pages = MaxPages + 1 }, false},
		"too many blocks":            {func(o *Offer) { o.Blocks = 1<<24 + 1 }, false},
		"too many entries":           {func(o *Offer) { o.Entries = protocol.MaxEntries + 1 }, false},
		"too many bytes":             {func(o *Offer) { o.Bytes = 1 << 63 }, false},
		"small symbols":              {func(o *Offer) { o.SymbolSize = 511 }, false},
		"symbols too few":            {func(o *Offer) { o.MaxK = 163 }, false},
		"symbols too many":           {func(o *Offer) { o.MaxK = 201 }, false},
		"a group that is none":       {func(o *Offer) { o.GroupAddr = netip.MustParseAddrPort("10.0.0.1:7441") }, false},
		"a group without a port":     {func(o *Offer) { o.GroupAddr = netip.MustParseAddrPort("239.1.1.1:0") }, false},
		"a relay without a port":     {func(o *Offer) { o.RelayPort = 0 }, false},
		"a relay's port without one": {func(o *Offer) { o.Relay = protocol.RelayID{} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			c.set(&o)
			if _, err := ParseOffer(AppendOffer(nil, o)); err == nil || errors.Is(err, ErrNewer) != c.newer {
				t.Errorf("%v", err)
			}
		})
	}
}

// A page that contradicts itself is refused before anybody looks at its chain.
func TestBoundsOfAPage(t *testing.T) {
	v := readVectors(t)
	good, err := ParsePage(v.Pages[1].Signed)
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]func(*Page){
		"edition 0":              func(p *Page) { p.Edition = 0 },
		"a number too high":      func(p *Page) { p.Number = MaxPages },
		"page 0 with one before": func(p *Page) { p.Number = 0 },
		"no page before":         func(p *Page) { p.Previous = protocol.Digest{} },
		"files out of order":     func(p *Page) { slices.Reverse(p.Finished) },
		"a file twice":           func(p *Page) { p.Finished[1].Entry = p.Finished[0].Entry },
		"no reason":              func(p *Page) { p.Void = []VoidFile{{1, 0}} },
		"void out of order":      func(p *Page) { p.Void = []VoidFile{{2, 1}, {1, 1}} },
		"too many leaves":        func(p *Page) { p.Leaves = make([]protocol.Digest, MaxLeaves+1) },
		"too many finished": func(p *Page) {
			p.Finished = make([]FinishedFile, MaxFinished+1)
			for i := range p.Finished {
				p.Finished[i].Entry = uint32(i)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := good
			p.Finished = slices.Clone(good.Finished)
			set(&p)
			if _, err := ParsePage(AppendPage(nil, p)); err == nil {
				t.Error("accepted")
			}
		})
	}
	flags := slices.Clone(v.Pages[0].Signed)
	flags[pageHead-32-28-1] = 2
	if _, err := ParsePage(flags); !errors.Is(err, ErrNewer) {
		t.Errorf("an unknown flag: %v", err)
	}
}

// The largest page is still a block of the smallest symbols that carry one.
func TestTheLargestPageIsABlock(t *testing.T) {
	p := Page{
		PageTerms: PageTerms{Edition: 1}, Leaves: make([]protocol.Digest, MaxLeaves),
		Finished: make([]FinishedFile, MaxFinished), Void: make([]VoidFile, MaxVoid),
	}
	for i := range p.Finished {
		p.Finished[i].Entry = uint32(i)
		p.Void[i] = VoidFile{uint32(i), VoidGone}
	}
	b := AppendPage(nil, p)
	if _, err := ParsePage(b); err != nil || len(b)+signatureBytes != MaxPageBytes || MaxPageBytes > protocol.BlockSize {
		t.Errorf("%d bytes with the signature, %d at most, %v", len(b)+signatureBytes, MaxPageBytes, err)
	}
}

func TestBoundsOfASync(t *testing.T) {
	good, err := ParseSync(readVectors(t).Sync.Signed)
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]func(*Sync){
		"an unknown flag":         func(s *Sync) { s.Flags = 32 },
		"starved and through":     func(s *Sync) { s.Flags = SyncStarved | SyncPassDone },
		"a front behind the last": func(s *Sync) { s.PageFront = s.Pages + 1 },
		"too many pages":          func(s *Sync) { s.Pages = MaxPages + 1 },
		"more lengths than pages": func(s *Sync) { s.Pages, s.PageFront = 2, 2 },
		"a short page":            func(s *Sync) { s.Lengths = []int{MinPageBytes - 1} },
		"a long page":             func(s *Sync) { s.Lengths = []int{MaxPageBytes + 1} },
		"gaps that touch":         func(s *Sync) { s.Gaps = []Gap{{110, 112}, {113, 120}} },
		"gaps out of order":       func(s *Sync) { s.Gaps = []Gap{{150, 152}, {113, 120}} },
		"a gap before the range":  func(s *Sync) { s.Gaps = []Gap{{99, 112}} },
		"a gap behind it":         func(s *Sync) { s.Gaps = []Gap{{200, 241}} },
		"a gap of less than none": func(s *Sync) { s.Gaps = []Gap{{200, 199}} },
		"too many gaps":           func(s *Sync) { s.Gaps = make([]Gap, MaxSyncGaps+1) },
	} {
		t.Run(name, func(t *testing.T) {
			s := good
			set(&s)
			if _, err := ParseSync(AppendSync(nil, s, 1<<20)); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// A SYNC never takes more room than data: what does not fit is left out.
func TestASyncIsNoLongerThanData(t *testing.T) {
	for _, symbol := range []int{
		protocol.MinSymbolSize, protocol.TunnelSymbol, protocol.DefaultSymbol, protocol.MaxSymbolSize,
	} {
		s := Sync{Pages: 20, Lengths: make([]int, MaxSyncLengths), Gaps: make([]Gap, MaxSyncGaps)}
		s.RangeLast = 1000
		for i := range s.Lengths {
			s.Lengths[i] = MinPageBytes
		}
		for i := range s.Gaps {
			s.Gaps[i] = Gap{protocol.PacketNumber(10 * i), protocol.PacketNumber(10 * i)}
		}
		s.Repairs = make([]wire.Repair, 300)
		b := AppendSync(nil, s, MaxSync(symbol))
		got, err := ParseSync(b)
		packet := protocol.GroupHeaderBytes + len(b) + signatureBytes + protocol.TagBytes
		if err != nil || packet > symbol+protocol.DataOverhead || len(got.Repairs) > MaxSyncRepairs || len(got.Repairs) < 40 {
			t.Errorf("symbols of %d: %d repairs in %d bytes, %v", symbol, len(got.Repairs), packet, err)
		}
	}
}

func TestReceiptsThatContradictThemselves(t *testing.T) {
	good, err := ParseReceipt(readVectors(t).Receipt.Signed)
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]func(*Receipt){
		"no outcome":              func(x *Receipt) { x.Outcome = 0 },
		"an unknown outcome":      func(x *Receipt) { x.Outcome = lastOutcome + 1 },
		"an unknown path":         func(x *Receipt) { x.Path = lastPath + 1 },
		"verified without a root": func(x *Receipt) { x.Root = protocol.Digest{} },
		"verified with missing":   func(x *Receipt) { x.Missing = 1 },
		"incomplete with nothing": func(x *Receipt) { x.Outcome = OutcomeIncomplete },
		"more than there is":      func(x *Receipt) { x.Void = 1 << 31; x.Beside = 1 << 31 },
		"edition 0":               func(x *Receipt) { x.Edition = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			x := good
			set(&x)
			if _, err := ParseReceipt(AppendReceipt(nil, x)); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// Every set of blocks comes back, whatever it looks like, and is never longer than a bit for each block.
func TestLacksComeBack(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 7, 8, 9, 1000, 65_535, 65_536, 65_537, 140_000}).Draw(r, "blocks")
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
		set := protocol.NewBlockSet(n)
		mean := rapid.SampledFrom([]int{1, 3, 100, 50_000}).Draw(r, "mean run")
		for b := 0; b < n; {
			b += rnd.IntN(2 * mean)
			length := 1 + rnd.IntN(2*mean)
			set.AddRange(protocol.Range{First: protocol.BlockNumber(b), Count: uint32(length)})
			b += length
		}
		b := AppendLacks(nil, set)
		back, err := ParseLacks(b, n)
		if err != nil || !slices.Equal(back.Members(), set.Members()) {
			r.Fatalf("%v", err)
		}
		if most := lacksHead + n/8 + 2*(n/chunkBits+1); len(b) > most {
			r.Fatalf("%d bytes for %d blocks", len(b), n)
		}
	})
}

// Of two encodings of one set only one is taken.
func TestLacksHaveOneEncoding(t *testing.T) {
	head := append([]byte(lacksMagic), 0, 0, 0, 100)
	for name, chunk := range map[string][]byte{
		"all as a run":          {2, 0, 1, 0, 100},
		"nothing as no runs":    {2, 0, 0},
		"a number too long":     {2, 0, 1, 0x80, 0, 1},
		"runs that touch":       {2, 0, 2, 0, 1, 0, 1},
		"a run of nothing":      {2, 0, 1, 5, 0},
		"a run too far":         {2, 0, 1, 99, 2},
		"few as a bitmap":       append([]byte{3, 1}, make([]byte, 12)...),
		"bits behind the end":   append([]byte{3, 0x55, 0x55, 0x55, 0x55, 0x55}, 0, 0, 0, 0, 0, 0, 0, 0xF0),
		"too short a bitmap":    {3, 0x55},
		"an unknown kind":       {4},
		"a chunk too many":      {0, 0},
		"a chunk too few":       {},
		"a run's second number": {2, 0, 1, 5},
	} {
		t.Run(name, func(t *testing.T) {
			if set, err := ParseLacks(append(slices.Clone(head), chunk...), 100); err == nil {
				t.Errorf("taken as %v", set.Members())
			}
		})
	}
	if _, err := ParseLacks(append(slices.Clone(head), 0), 101); err == nil {
		t.Error("a set of other blocks is taken")
	}
}

// No packet of one format is taken for one of the other.
func TestVersionsAreApart(t *testing.T) {
	two := append(AppendHeader(nil, wire.Header{Kind: wire.KindData}), make([]byte, 100)...)
	if _, err := wire.ParseHeader(two); !errors.Is(err, wire.ErrVersion) {
		t.Errorf("format 1 reads a packet of format 2: %v", err)
	}
	one := append(wire.AppendHeader(nil, wire.Header{Kind: wire.KindData}), make([]byte, 100)...)
	if _, err := ParseHeader(one); !errors.Is(err, wire.ErrVersion) {
		t.Errorf("format 2 reads a packet of format 1: %v", err)
	}
	digest := append(AppendHeader(nil, wire.Header{Kind: wire.KindDigest}), make([]byte, 100)...)
	if _, err := ParseHeader(digest); !errors.Is(err, wire.ErrKind) {
		t.Errorf("a reserved kind: %v", err)
	}
}
