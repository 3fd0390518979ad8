package source

import (
	"context"
	"io"
	"io/fs"
	"os"

	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/listed"
	"github.com/groupcast/groupcast/internal/stored"
)

// reader reads the files of paged content, for one goroutine. Whatever is not as it was listed is a *LostError, what
// cannot be read now an *UnavailableError.
type reader struct {
	of    *content.Paged
	find  *finder
	held  stored.File // the file that was read last …
	entry uint32      // … and its entry
	id    listed.Identity
	path  string
	holes bool
	from  int64 // from here on …
	data  int64 // … to before here is a hole
}

func newReader(ctx context.Context, of *content.Paged) *reader {
	return &reader{of: of, find: newFinder(ctx, of.Place())}
}

// until has reads end with ctx, as far as that is possible.
func (r *reader) until(ctx context.Context) {
	r.forget()
	r.find.ctx = ctx
}

// piece is what was read of a file.
type piece struct {
	zeros bool  // it is all zeros, and nothing was written into the buffer
	stamp int64 // of the file, when it had been read: with another one than before it may have been written to meanwhile
}

// steady is how often a small file is read that is written to at the same time.
const steady = 3

// whole reads a small file whole, of the length of buf. What it gives is the file as it was at one time.
func (r *reader) whole(entry uint32, buf []byte) error {
	f, err := r.of.File(entry)
	if err != nil {
		return err
	}
	for range steady {
		same, err := r.readOnce(f, buf)
		if err != nil {
			r.find.close()
			return r.of.Place().Fault(f.Path, err)
		}
		if same {
			return nil
		}
	}
	return r.of.Place().Fault(f.Path, listed.ErrOther)
}

// readOnce reads a file and says whether it stayed the same meanwhile.
func (r *reader) readOnce(f listed.File, buf []byte) (same bool, err error) {
	var before int64
	if len(buf) > 0 {
		file, info, err := r.open(f, true)
		if err != nil {
			return false, err
		}
		before = listed.Stamp(info)
		_, err = file.ReadAt(buf, 0)
		file.Close() // read only: nothing can be lost
		if err != nil {
			return false, err
		}
	}
	info, err := r.find.lstat(f.Path)
	if err == nil {
		err = f.ID.Is(info)
	}
	return err == nil && (len(buf) == 0 || listed.Stamp(info) == before), err
}

// open opens a file that may be read; asListed: it must still be the one that was listed.
func (r *reader) open(f listed.File, asListed bool) (stored.File, fs.FileInfo, error) {
	file, info, err := r.find.open(f.Path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		err = listed.ErrNotRegular
	} else if asListed {
		err = f.ID.Is(info)
	}
	if err == nil {
		err = r.of.Place().Permits(info)
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// at reads a part of a file into buf; the file must be as it was listed.
func (r *reader) at(entry uint32, off uint64, buf []byte) (p piece, err error) {
	if err = r.hold(entry, true); err != nil {
		return p, err
	}
	if p, err = r.part(int64(off), buf); err != nil {
		err = r.of.Place().Fault(r.path, err)
		r.forget()
	}
	return p, err
}

// any reads a part of whatever file lies under an entry's name: the caller knows what its bytes must be.
func (r *reader) any(entry uint32, off uint64, buf []byte) error {
	err := r.hold(entry, false)
	if err != nil {
		return err
	}
	if _, err = r.held.ReadAt(buf, int64(off)); err != nil {
		err = r.of.Place().Fault(r.path, err)
		r.forget()
	}
	return err
}

// hold opens a file, unless it is the one that was read last.
func (r *reader) hold(entry uint32, asListed bool) error {
	if r.held != nil && r.entry == entry {
		return nil
	}
	r.letGo()
	f, err := r.of.File(entry)
	if err != nil {
		return err
	}
	file, info, err := r.open(f, asListed)
	if err != nil {
		r.find.close()
		return r.of.Place().Fault(f.Path, err)
	}
	r.held, r.entry, r.id, r.path, r.holes = file, entry, f.ID, f.Path, listed.Sparse(info)
	r.from, r.data = 0, 0
	return nil
}

// part reads a part of the file that is held, which must be as it was listed afterwards.
func (r *reader) part(off int64, buf []byte) (p piece, err error) {
	if r.holes && (off < r.from || off >= r.data) {
		r.from, r.data = off, off
		if file, here := r.held.(*os.File); here {
			r.data = listed.DataFrom(file, off, int64(r.id.Size))
		}
	}
	if p.zeros = r.holes && r.data >= off+int64(len(buf)); !p.zeros {
		if _, err = r.held.ReadAt(buf, off); err != nil {
			return p, err
		}
	}
	info, err := r.held.Stat()
	if err != nil {
		return p, err
	}
	p.stamp = listed.Stamp(info)
	return p, r.id.Is(info)
}

// check says whether a file still lies under its name as it was listed, and gives its stamp.
func (r *reader) check(entry uint32) (stamp int64, err error) {
	f, err := r.of.File(entry)
	if err != nil {
		return 0, err
	}
	info, err := r.find.lstat(f.Path)
	if err == nil {
		err = f.ID.Is(info)
	}
	if err != nil {
		r.find.close()
		return 0, r.of.Place().Fault(f.Path, err)
	}
	return listed.Stamp(info), nil
}

// copy writes a file's content to w; it is as it was listed afterwards.
func (r *reader) copy(w io.Writer, entry uint32) error {
	f, err := r.of.File(entry)
	if err != nil {
		return err
	}
	file, before, err := r.open(f, true)
	if err != nil {
		return r.of.Place().Fault(f.Path, err)
	}
	defer file.Close()
	n, err := io.Copy(w, io.NewSectionReader(file, 0, int64(f.ID.Size)))
	switch {
	case err != nil:
		return r.of.Place().Fault(f.Path, err)
	case uint64(n) != f.ID.Size:
		return r.of.Place().Fault(f.Path, io.ErrUnexpectedEOF)
	}
	if stamp, err := r.check(entry); err != nil || stamp != listed.Stamp(before) {
		return r.of.Place().Fault(f.Path, listed.ErrOther)
	}
	return nil
}

// other is the error of a file that is another one now.
func (r *reader) other(entry uint32) error {
	f, err := r.of.File(entry)
	if err != nil {
		return err
	}
	return r.of.Place().Fault(f.Path, listed.ErrOther)
}

// answers says whether the folder that an entry was found below is there and can be read: what is wrong with the
// entry is its own then.
func (r *reader) answers(entry uint32) bool {
	f, err := r.of.File(entry)
	return err == nil && r.find.answers(f.Path)
}

// forget closes what is open: files and folders are found by their names again.
func (r *reader) forget() {
	r.letGo()
	r.find.close()
}

func (r *reader) letGo() {
	if r.held != nil {
		r.held.Close() // read only: nothing can be lost
		r.held = nil
	}
}
