package content

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Without plans a manifest again without the files that are lost, and finds the others that are
// by now. What it gives holds only files that are as they were; no block that is whole is read
// again. It is nil if no file is left. Its error is typed as that of a Source is, or ctx's.
func Without(ctx context.Context, m *manifest.Manifest, p Place, known []Lost) (*manifest.Manifest, []Lost, error) {
	r := &replan{ctx: ctx, old: m, open: newOpened(m.Files, p), lost: make(map[int]groupcast.Why)}
	defer r.open.close() // read only: nothing can be lost
	why := make(map[string]groupcast.Why, len(known))
	for _, l := range known {
		why[l.Path] = l.Why
	}
	for i := range m.Files {
		if w, lost := why[m.Files[i].Path]; lost {
			r.lost[i] = w
		}
	}
	if err := r.look(); err != nil {
		return nil, nil, err
	}
	for {
		before := len(r.lost)
		next, err := r.plan()
		if err != nil {
			return nil, nil, err
		}
		if len(r.lost) == before {
			return next, r.all(), nil
		}
	}
}

// replan is one call of Without.
type replan struct {
	ctx  context.Context // of the one call; a replan does not outlive it
	old  *manifest.Manifest
	open *opened
	lost map[int]groupcast.Why // by index in old
}

// note keeps what is lost and gives any other error back.
func (r *replan) note(i int, err error) error {
	var lost *LostError
	if errors.As(err, &lost) {
		r.lost[i] = lost.Lost[0].Why
		return nil
	}
	return err
}

func (r *replan) all() (out []Lost) {
	for i := range r.old.Files {
		if why, lost := r.lost[i]; lost {
			out = append(out, Lost{r.old.Files[i].Path, why})
		}
	}
	return out
}

// look finds files that are gone or plainly others; one that was only touched is read.
func (r *replan) look() error {
	for i := range r.old.Files {
		f := &r.old.Files[i]
		if _, lost := r.lost[i]; lost || f.Kind != manifest.KindFile {
			continue
		}
		if err := r.ctx.Err(); err != nil {
			return err
		}
		info, err := r.open.lstat(i)
		switch {
		case err != nil:
			err = r.open.fault(i, err)
		case !info.Mode().IsRegular() || uint64(info.Size()) != f.Size:
			err = r.open.fault(i, errNotRegular)
		case protocol.FileTime(info.ModTime()) != f.MTime:
			err = r.open.intact(i)
		}
		if err := r.note(i, err); err != nil {
			return err
		}
	}
	return nil
}

func (o *opened) lstat(i int) (fs.FileInfo, error) {
	if o.place.files != nil {
		return o.place.files.Lstat(o.files[i].Path)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	root, name, err := o.locate(o.files[i].Path)
	if err != nil {
		return nil, err
	}
	return root.Lstat(name)
}

// plan cuts what is left. Blocks that hold the same bytes as before keep their digests, the
// others are made of files that are read whole and compared.
func (r *replan) plan() (*manifest.Manifest, error) {
	m := &manifest.Manifest{}
	var index []int // of m's files in old
	files := 0
	for i := range r.old.Files {
		if _, lost := r.lost[i]; lost {
			continue
		}
		m.Files = append(m.Files, r.old.Files[i])
		index = append(index, i)
		if r.old.Files[i].Kind == manifest.KindFile {
			files++
		}
	}
	if files == 0 {
		return nil, nil
	}
	var err error
	if m.Blocks, err = manifest.Cut(m.Files); err != nil {
		return nil, groupcast.Errorf(groupcast.EInternal, "what is left cannot be planned").Wrap(err)
	}
	before := runs(r.old, nil)
	known := make(map[manifest.Extent]int, len(before)) // by the first extent of a block
	for b, x := range before {
		known[x[0]] = b
	}
	var last whole
	for b, x := range runs(m, index) {
		if err := r.ctx.Err(); err != nil {
			return nil, err
		}
		if at, same := known[x[0]]; same && slices.Equal(before[at], x) {
			m.Blocks[b].Digest = r.old.Blocks[at].Digest
			continue
		}
		data, err := r.read(x, &last)
		if err != nil {
			return nil, err
		}
		m.Blocks[b].Digest = manifest.LeafDigest(data)
	}
	return m, m.Check()
}

// runs gives the extents of each block, their files by index in an older manifest.
func runs(m *manifest.Manifest, index []int) [][]manifest.Extent {
	out := make([][]manifest.Extent, len(m.Blocks))
	file, off := 0, uint64(0)
	for b := range m.Blocks {
		for left := uint64(m.Blocks[b].Length); left > 0; {
			f := &m.Files[file]
			if f.Kind != manifest.KindFile || off == f.Size {
				file, off = file+1, 0
				continue
			}
			n := min(left, f.Size-off)
			at := file
			if index != nil {
				at = index[file]
			}
			out[b] = append(out[b], manifest.Extent{File: at, Offset: off, Length: int(n)})
			off, left = off+n, left-n
		}
	}
	return out
}

// whole is a small file that was read and compared.
type whole struct {
	file int
	data []byte
	ok   bool
}

// read gives the bytes of a block out of files that are as they were; those that are not are
// noted, and their bytes are none.
func (r *replan) read(extents []manifest.Extent, last *whole) ([]byte, error) {
	var out []byte
	for _, x := range extents {
		if _, lost := r.lost[x.File]; lost {
			continue
		}
		if !last.ok || last.file != x.File {
			data, err := r.readWhole(x.File)
			if err := r.note(x.File, err); err != nil {
				return nil, err
			}
			if err != nil {
				continue
			}
			*last = whole{x.File, data, true}
		}
		out = append(out, last.data[x.Offset:x.Offset+uint64(x.Length)]...)
	}
	return out, nil
}

// readWhole reads a file that shares blocks, which is small.
func (r *replan) readWhole(i int) ([]byte, error) {
	h, err := r.open.take(i)
	if err != nil {
		return nil, r.open.fault(i, err)
	}
	defer r.open.forget(i)
	defer r.open.release(h)
	data := make([]byte, r.old.Files[i].Size)
	if _, err := h.ReadAt(data, 0); err != nil {
		return nil, r.open.fault(i, err)
	}
	if sha256.Sum256(data) != r.old.Files[i].Digest {
		return nil, r.open.fault(i, errNotRegular)
	}
	return data, nil
}

// Renew finds the files of a manifest and those lost of it as they are now, for Build. Those
// that are not there are given as lost. kept says that the manifest's times are those that
// count, and not the disk's: the files were uploaded.
func Renew(ctx context.Context, m *manifest.Manifest, p Place, lost []string, kept bool) (*Tree, []Lost, error) {
	files := slices.Clone(m.Files)
	for _, path := range lost {
		files = append(files, manifest.File{Kind: manifest.KindFile, Path: path})
	}
	slices.SortFunc(files, func(a, b manifest.File) int { return strings.Compare(a.Path, b.Path) })
	files = slices.CompactFunc(files, func(a, b manifest.File) bool { return a.Path == b.Path })
	t, open := &Tree{Place: p}, newOpened(files, p)
	defer open.close() // read only: nothing can be lost
	var still []Lost
	for i, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if f.Kind == manifest.KindFile {
			_, err := open.renew(i, &f, kept)
			var gone *LostError
			switch {
			case errors.As(err, &gone):
				still = append(still, gone.Lost...)
				continue
			case err != nil:
				return nil, nil, err
			}
		}
		t.Files = append(t.Files, f)
		t.Bytes += f.Stored()
	}
	return t, still, nil
}

// renew takes over how a file is now, and says what it is.
func (o *opened) renew(i int, f *manifest.File, kept bool) (fs.FileInfo, error) {
	h, err := o.take(i)
	if err != nil {
		return nil, o.fault(i, err)
	}
	defer o.forget(i)
	defer o.release(h)
	f.Digest = protocol.Digest{}
	if kept && uint64(h.info.Size()) == f.Size {
		return h.info, nil
	}
	f.Size, f.Mode, f.MTime = uint64(h.info.Size()), uint16(h.info.Mode().Perm()), protocol.FileTime(h.info.ModTime())
	return h.info, nil
}
