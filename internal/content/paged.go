package content

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/listed"
	"github.com/groupcast/groupcast/internal/lists"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// Paged is content that has a skeleton: what was listed of it is known, and its files are read when their turn comes.
// It is safe for concurrent use.
type Paged struct {
	place    Place
	cut      *skeleton.Cut
	entries  int
	index    []byte // digests of the skeleton's blocks
	digest   protocol.Digest
	bytes    int // of the skeleton
	skeleton *os.File
	list     *listed.List
}

// OpenPaged opens paged content.
func (l *Library) OpenPaged(id string) (*Paged, error) {
	k, err := l.Kept(id)
	if err != nil {
		return nil, err
	}
	if !k.Paged {
		return nil, fmt.Errorf("the content %s has no skeleton", id)
	}
	p := &Paged{place: k.Place}
	if err := p.open(l.folder(id)); err != nil {
		return nil, errors.Join(contentGone(err), p.Close())
	}
	return p, nil
}

func (p *Paged) open(at string) error {
	f, err := os.Open(filepath.Join(at, lists.Listing))
	if err != nil {
		return err
	}
	if p.list, err = listed.Open(f); err != nil {
		f.Close()
		return err
	}
	if p.skeleton, err = os.Open(filepath.Join(at, lists.Skeleton)); err != nil {
		return err
	}
	if err := p.read(); err != nil {
		return err
	}
	if p.entries != p.list.Entries() {
		return listed.ErrDamaged
	}
	return nil
}

// read goes through the skeleton: how it is cut, and the digests of its blocks.
func (p *Paged) read() error {
	leaves := &leafWriter{}
	s, n, err := readSkeleton(p.skeleton, io.TeeReader(p.skeleton, leaves))
	if err != nil {
		return err
	}
	p.cut, p.bytes = skeleton.NewCut(), n
	for {
		e, ok := s.Next()
		if !ok {
			break
		}
		p.cut.Add(p.entries, &e)
		p.entries++
	}
	if err := errors.Join(s.Err(), p.cut.Close()); err != nil {
		return err
	}
	p.index = leaves.close()
	p.digest = format2.SkeletonDigest(p.index)
	return nil
}

// leafWriter makes an index of what is written to it.
type leafWriter struct{ index, block []byte }

func (w *leafWriter) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		n := min(len(rest), protocol.BlockSize-len(w.block))
		w.block = append(w.block, rest[:n]...)
		if rest = rest[n:]; len(w.block) == protocol.BlockSize {
			w.leaf()
		}
	}
	return len(b), nil
}

func (w *leafWriter) leaf() {
	d := format2.LeafDigest(w.block)
	w.index, w.block = append(w.index, d[:]...), w.block[:0]
}

func (w *leafWriter) close() []byte {
	if len(w.block) > 0 {
		w.leaf()
	}
	return w.index
}

// Cut is how the content of the files is cut into blocks.
func (p *Paged) Cut() *skeleton.Cut { return p.cut }

// Entries is how many there are.
func (p *Paged) Entries() int { return p.entries }

// Digest is that of the skeleton.
func (p *Paged) Digest() protocol.Digest { return p.digest }

// Index is the digests of the skeleton's blocks.
func (p *Paged) Index() []byte { return p.index }

// SkeletonBytes is the length of the skeleton.
func (p *Paged) SkeletonBytes() int { return p.bytes }

// Skeleton reads the skeleton. It does not outlive the content.
func (p *Paged) Skeleton() *io.SectionReader {
	return io.NewSectionReader(p.skeleton, 0, int64(p.bytes))
}

// File is an entry as it was found.
func (p *Paged) File(entry uint32) (listed.File, error) {
	f, err := p.list.File(entry)
	if err != nil {
		return f, contentGone(err)
	}
	return f, nil
}

// Place is where the files lie.
func (p *Paged) Place() Place { return p.place }

// Close closes what the server keeps of the content.
func (p *Paged) Close() error {
	var errs []error
	if p.list != nil {
		errs = append(errs, p.list.Close())
	}
	if p.skeleton != nil {
		errs = append(errs, p.skeleton.Close())
	}
	return errors.Join(errs...)
}

// ReadPages gives some of the signed pages that there are of paged content, from a number on; none: there are no more.
type ReadPages func(content string, from protocol.PageNo) ([][]byte, error)

// Skeleton reads the skeleton of paged content.
func (l *Library) Skeleton(id string) ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(l.folder(id), lists.Skeleton))
	if err != nil {
		return nil, contentGone(err)
	}
	return raw, nil
}

// PagesOf says where the pages of paged content are: they have the digests of its files.
func (l *Library) PagesOf(read ReadPages) { l.pages = read }

// Files gives a stretch of the entries of some content, and how many there are in all. Those of paged content have
// digests as far as its pages say them. Of a list that is long no more than the stretch is in memory.
func (l *Library) Files(id string, w groupcast.Window) (files []manifest.File, total int, err error) {
	k, err := l.Kept(id)
	if err != nil {
		return nil, 0, err
	}
	e, done, err := l.entries(id)
	if err != nil {
		return nil, 0, err
	}
	defer done()
	total = e.Total()
	if w.From >= total {
		return nil, total, nil
	}
	end := total
	if w.Limit > 0 {
		end = min(end, w.From+min(w.Limit, total))
	}
	for i := 0; i < end; i++ {
		f, ok := e.Next()
		if !ok {
			return nil, 0, contentGone(e.Err())
		}
		if i >= w.From {
			files = append(files, f)
		}
	}
	if k.Paged {
		err = l.addDigests(id, w.From, files)
	}
	return files, total, err
}

// addDigests fills in what the pages say of entries from a number on.
func (l *Library) addDigests(id string, from int, files []manifest.File) error {
	if l.pages == nil || len(files) == 0 {
		return nil
	}
	for next := protocol.PageNo(0); ; {
		list, err := l.pages(id, next)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, raw := range list {
			signed, _, _ := seal.SplitPage(raw)
			p, err := format2.ParsePage(signed)
			if err != nil {
				return contentGone(err)
			}
			for _, f := range p.Finished {
				if at := int(f.Entry) - from; at >= 0 && at < len(files) {
					files[at].Digest = f.Digest
				}
			}
			next = p.Number + 1
		}
	}
}
