package spool_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sort"
	"testing"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/spool"
)

var serverKey = seal.NewSigningKey()

// paged is a transfer of format 2 with its content, its pages and its blocks.
type paged struct {
	offer   format2.Offer
	list    []byte // the skeleton
	entries []skeleton.Entry
	files   map[string][]byte
	cut     *skeleton.Cut
	pages   [][]byte
	void    map[string]bool
}

// pagedOf makes one of some files; those named void are not delivered, from their last block on.
func pagedOf(t testing.TB, edition protocol.Edition, files map[string][]byte, void []string,
	extra ...skeleton.Entry,
) *paged {
	t.Helper()
	p := &paged{files: files, void: map[string]bool{}, cut: skeleton.NewCut(), entries: extra}
	for name, data := range files {
		p.entries = append(p.entries, skeleton.Entry{
			Path: name, Mode: 0o640, MTime: 1_600_000_000_123_456_789,
			Size: uint64(len(data)),
		})
	}
	for _, name := range void {
		p.void[name] = true
	}
	sort.Slice(p.entries, func(i, j int) bool { return p.entries[i].Path < p.entries[j].Path })
	index := p.write(t)
	p.offer = format2.Offer{
		Transfer: 3, TransferID: protocol.TransferID{9}, Skeleton: format2.SkeletonDigest(index),
		SkeletonBytes: uint64(len(p.list)), Edition: edition, Pages: pages.PagesFor(p.cut), Bytes: p.cut.Bytes(),
		Entries: uint32(len(p.entries)), Blocks: uint32(p.cut.Blocks()),
	}
	p.sign(t)
	return p
}

func (p *paged) write(t testing.TB) (index []byte) {
	t.Helper()
	var sum skeleton.Totals
	for i := range p.entries {
		sum.Add(&p.entries[i])
	}
	var out bytes.Buffer
	w, err := skeleton.NewWriter(&out, sum)
	for i := range p.entries {
		if err == nil {
			err = w.Add(&p.entries[i])
		}
		p.cut.Add(i, &p.entries[i])
	}
	if err == nil {
		index, _, err = w.Close()
	}
	if err = errors.Join(err, p.cut.Close()); err != nil {
		t.Fatal(err)
	}
	p.list = out.Bytes()
	return index
}

// sign makes the pages as a server does that hashes block after block.
func (p *paged) sign(t testing.TB) {
	t.Helper()
	w := pages.NewWriter(p.offer.Terms(), p.offer.Pages, len(p.entries), serverKey, p.cut)
	var open []uint32 // files that are to be told of, in the order of the stream
	p.cut.InOrder(func(e uint32) { open = append(open, e) })
	next := uint32(0)
	sign := func(hurry bool) {
		raw, _, ok, err := w.Sign(hurry)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			p.pages = append(p.pages, raw)
		}
	}
	tell := func() {
		for len(open) > 0 {
			e := open[0]
			_, end, _ := p.cut.File(e)
			switch void := p.void[p.entries[e].Path]; {
			case void && end <= next+1:
				must(t, w.Void(e, format2.VoidChanged))
			case !void && end <= next:
				must(t, w.Finish(e, format2.ContentDigest(p.files[p.entries[e].Path])))
			default:
				return
			}
			open = open[1:]
			if w.Full() {
				sign(false)
			}
		}
	}
	for {
		tell()
		sign(len(p.pages) < 3)
		b, ok := w.Next()
		if !ok {
			sign(true)
			if b, ok = w.Next(); !ok {
				break
			}
		}
		must(t, w.Hashed(b, format2.LeafDigest(p.block(b))))
		next = b + 1
	}
	if !w.Book().Final() {
		t.Fatal("the final page is not signed")
	}
}

// block gives the bytes of a block of the stream.
func (p *paged) block(b uint32) (out []byte) {
	for _, x := range p.cut.Extents(nil, b) {
		out = append(out, p.files[p.entries[x.Entry].Path][x.Offset:x.Offset+uint64(x.Length)]...)
	}
	return out
}

func (p *paged) stage(s *spool.Spool) (*spool.Paged, error) {
	var list io.Reader = bytes.NewReader(p.list)
	if f, there, err := s.OpenSkeleton(p.offer); err != nil {
		return nil, err
	} else if there {
		_ = f.Close()
		list = nil
	}
	return s.StagePaged(context.Background(), p.offer, list, serverKey.Public())
}

// wants are the blocks of a change that have to come.
func wants(c pages.Change) (out []uint32) {
	for _, r := range c.Ready {
		for b := r.First; b < r.End(); b++ {
			out = append(out, uint32(b))
		}
	}
	return out
}

// receive brings all pages and blocks, and commits.
func (p *paged) receive(t testing.TB, g *spool.Paged) (fetched []uint32, out map[string]spool.Outcome) {
	t.Helper()
	for _, raw := range p.pages[g.Verified():] {
		_, err := g.AddPage(raw)
		must(t, err)
	}
	for _, b := range wants(g.Known()) {
		ok, err := g.WriteBlock(b, p.block(b))
		must(t, err)
		if !ok {
			t.Fatalf("block %d is not taken", b)
		}
		fetched = append(fetched, b)
	}
	if g.Missing() != 0 {
		t.Fatalf("%d blocks are missing", g.Missing())
	}
	err := g.Commit(t.Context())
	must(t, err)
	if !g.Done() {
		t.Fatal("not done")
	}
	return fetched, outcomesOf(t, g)
}

func outcomesOf(t testing.TB, g *spool.Paged) map[string]spool.Outcome {
	t.Helper()
	out := map[string]spool.Outcome{}
	must(t, g.EachOutcome(func(o spool.Outcome) { out[o.Path] = o }))
	return out
}

// pagedFiles are small files that share blocks, an empty one, and two large ones, one of which has a hole.
func pagedFiles() map[string][]byte {
	sparse := noise(1<<20+300_000, 5)
	clear(sparse[protocol.BlockSize : 3*protocol.BlockSize])
	files := map[string][]byte{"big": noise(1<<20+5000, 4), "holes": sparse, "t": {}}
	for i := range 8 {
		files["many/"+string(rune('a'+i))] = noise(60_000+i, uint64(i))
	}
	return files
}

var folderAndLink = []skeleton.Entry{
	{Kind: manifest.KindFolder, Mode: 0o755, Path: "empty"},
	{Kind: manifest.KindSymlink, Mode: 0o777, Path: "link", Target: "big", Size: 3},
}
