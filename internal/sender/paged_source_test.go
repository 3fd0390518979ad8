package sender

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// signed is a tree in memory, of which tests say how far it is hashed and signed: a PagedSource.
type signed struct {
	t     testing.TB
	key   seal.SigningKey
	terms format2.Offer
	files [][]byte
	cut   *skeleton.Cut
	head  [][]byte // index and skeleton

	mu      sync.Mutex
	writer  *pages.Writer
	raw     [][]byte
	list    []pages.Signed
	given   int                // pages that SignedFrom gave
	ready   *protocol.BlockSet // blocks of the stream that they let be sent
	changed chan struct{}
	reads   map[protocol.BlockNumber]int
	hurried int
	front   uint32
	lag     chan struct{} // reads wait until it is closed; nil: they do not
	fails   error         // what reads of the stream answer
	early   []protocol.BlockNumber
	lost    map[uint32]bool // entries that are void
	voids   int             // reads of their blocks
	told    int             // times that the session said how far it is
}

// newSigned makes a tree of files of so many bytes. Nothing of it is hashed.
func newSigned(t testing.TB, sizes ...int) *signed {
	t.Helper()
	s := &signed{
		t: t, key: seal.NewSigningKey(), cut: skeleton.NewCut(), changed: make(chan struct{}),
		reads: make(map[protocol.BlockNumber]int), lost: make(map[uint32]bool),
	}
	rnd := rand.NewChaCha8([32]byte{byte(len(sizes))})
	var totals skeleton.Totals
	var entries []skeleton.Entry
	for i, n := range sizes {
		data := make([]byte, n)
		_, _ = rnd.Read(data)
		e := skeleton.Entry{Path: fmt.Sprintf("%06d", i), Mode: 0o644, Size: uint64(n)}
		s.files, entries = append(s.files, data), append(entries, e)
		totals.Add(&e)
		s.cut.Add(i, &e)
	}
	must(t, s.cut.Close())
	var raw bytes.Buffer
	w, err := skeleton.NewWriter(&raw, totals)
	must(t, err)
	for i := range entries {
		must(t, w.Add(&entries[i]))
	}
	index, _, err := w.Close()
	must(t, err)
	s.head = append([][]byte{index}, slices.Collect(slices.Chunk(raw.Bytes(), protocol.BlockSize))...)
	s.terms = format2.Offer{
		Group: protocol.NewGroupID(), Number: 1, Floor: 1, Transfer: 1, TransferID: protocol.TransferID{1}, SiteEpoch: 1,
		Skeleton: format2.SkeletonDigest(index), SkeletonBytes: uint64(raw.Len()), Edition: 1, Pages: pages.PagesFor(s.cut),
		Bytes: s.cut.Bytes(), Entries: uint32(len(sizes)), Blocks: uint32(s.cut.Blocks()),
		SymbolSize: protocol.DefaultSymbol,
	}
	s.writer = pages.NewWriter(s.pageTerms(), s.terms.Pages, len(sizes), s.key, s.cut)
	s.ready = protocol.NewBlockSet(s.cut.Blocks())
	for e, data := range s.files {
		if len(data) == 0 {
			must(t, s.writer.Finish(uint32(e), format2.ContentDigest(nil)))
		}
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *signed) pageTerms() format2.PageTerms {
	o := &s.terms
	return format2.PageTerms{
		Server: o.Server, Group: o.Group, Transfer: o.Transfer, TransferID: o.TransferID, Skeleton: o.Skeleton,
		Edition: o.Edition,
	}
}

// hash hashes up to so many further blocks and signs what is due: what there is, if hurry says so.
func (s *signed) hash(blocks int, hurry bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range blocks {
		s.sign(false)
		b, ok := s.writer.Next()
		if !ok {
			break
		}
		if err := s.writer.Hashed(b, format2.LeafDigest(s.block(b))); err != nil {
			s.t.Error(err)
		}
		for _, x := range s.cut.Extents(nil, b) {
			if _, end, _ := s.cut.File(x.Entry); end == b+1 {
				if err := s.writer.Finish(x.Entry, format2.ContentDigest(s.files[x.Entry])); err != nil {
					s.t.Error(err)
				}
			}
		}
	}
	s.sign(hurry)
}

// lose says that a file is not delivered.
func (s *signed) lose(entry uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost[entry] = true
	if err := s.writer.Void(entry, format2.VoidChanged); err != nil {
		s.t.Error(err)
	}
}

// hashAll hashes and signs the rest.
func (s *signed) hashAll() {
	for range 2 * len(s.files) {
		s.hash(s.cut.Blocks()+1, true)
	}
}

// sign signs what is due; the lock is held.
func (s *signed) sign(hurry bool) {
	for {
		raw, c, ok, err := s.writer.Sign(hurry)
		if err != nil {
			s.t.Error(err)
		}
		if !ok || err != nil {
			return
		}
		s.raw = append(s.raw, raw)
		s.list = append(s.list, pages.Signed{
			Number: protocol.PageNo(len(s.list)), Length: len(raw), Ready: c.Ready, Held: c.Held, Final: c.Final,
		})
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

func (s *signed) block(b uint32) (out []byte) {
	for _, x := range s.cut.Extents(nil, b) {
		out = append(out, s.files[x.Entry][x.Offset:x.Offset+uint64(x.Length)]...)
	}
	return out
}

// Cut, SignedFrom, Hurry, Sent and ReadBlock are what a session asks for.
func (s *signed) Cut() *skeleton.Cut { return s.cut }

func (s *signed) SignedFrom(n protocol.PageNo) ([]pages.Signed, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.list[n:] {
		for _, r := range p.Ready {
			s.ready.AddRange(r)
		}
	}
	s.given = len(s.list)
	return slices.Clone(s.list[n:]), s.changed
}

func (s *signed) Hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hurried++
}

func (s *signed) Sent(front uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.front = max(s.front, front)
	s.told++
}

// isLost says whether a block has bytes of void files only; the lock is held.
func (s *signed) isLost(b uint32) bool {
	return !slices.ContainsFunc(s.cut.Extents(nil, b), func(x skeleton.Extent) bool { return !s.lost[x.Entry] })
}

var errEarly = errors.New("the block may not leave yet")

func (s *signed) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) {
	s.mu.Lock()
	lag, first, stream := s.lag, s.terms.FirstPage(), s.terms.FirstStream()
	s.reads[n]++
	s.mu.Unlock()
	if n < first {
		return copy(buf, s.head[n]), nil
	}
	if lag != nil {
		<-lag
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case n < stream && int(n-first) < s.given:
		return copy(buf, s.raw[n-first]), nil
	case n >= stream && s.fails != nil:
		return 0, s.fails
	case n >= stream && s.isLost(uint32(n-stream)):
		s.voids++
		return 0, pages.ErrVoid
	case n >= stream && s.ready.Has(n-stream):
		return copy(buf, s.block(uint32(n-stream))), nil
	}
	s.early = append(s.early, n)
	return 0, errEarly
}

// stall makes reads of pages and of the stream wait until the function is called that it gives.
func (s *signed) stall() (goOn func()) {
	lag := make(chan struct{})
	s.mu.Lock()
	s.lag = lag
	s.mu.Unlock()
	return sync.OnceFunc(func() {
		s.mu.Lock()
		s.lag = nil
		s.mu.Unlock()
		close(lag)
	})
}

// seen gives how often it was hurried, how far the session said that it is, and the pages that it was given.
func (s *signed) seen() (hurried int, front uint32, given int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hurried, s.front, s.given
}

// newPagedRig is newRig for a tree.
func newPagedRig(t testing.TB, s *signed, rate uint64, change func(*PagedConfig)) *rig {
	t.Helper()
	r := newBareRig(t)
	terms := s.terms
	terms.GroupAddr = group()
	cfg := PagedConfig{Endpoint: r.endpoint, Key: s.key, Terms: terms, Source: s, Rate: rate, OnEvent: r.event}
	if change != nil {
		change(&cfg)
	}
	var err error
	r.sender, err = NewPaged(cfg)
	must(t, err)
	return r
}

// address is where an endpoint hears feedback.
func (r *rig) address() netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), r.endpoint.FeedbackPort())
}
