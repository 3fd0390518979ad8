package content

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/stored"
)

// Entries gives the entries as declared, sorted by path.
func (u *Uploads) Entries(id string) ([]manifest.File, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	up, err := u.find(id)
	if err != nil {
		return nil, err
	}
	return slices.Clone(up.files), nil
}

// Have gives how many bytes of each entry are there, in the order of Entries.
func (u *Uploads) Have(id string) ([]uint64, error) {
	files, err := u.Entries(id)
	if err != nil {
		return nil, err
	}
	return u.have(&upload{id, files})
}

func (u *Uploads) have(up *upload) ([]uint64, error) {
	have, err := u.bytes(up).Have()
	if errors.Is(err, fs.ErrNotExist) {
		err = noUpload(up.id, err)
	}
	return have, err
}

// Write appends to one file from offset on, which must be what is there (EConflict
// otherwise). It gives how many bytes are there afterwards, also with an error.
func (u *Uploads) Write(id, path string, offset uint64, r io.Reader) (uint64, error) {
	up, at, done, err := u.begin(id, path)
	if err != nil {
		return 0, err
	}
	defer done()
	file, err := u.bytes(up).Append(at)
	if errors.Is(err, fs.ErrNotExist) {
		err = noUpload(id, err)
	}
	if err != nil {
		return 0, err
	}
	have, err := u.appendTo(file, &up.files[at], offset, r)
	if closed := file.Close(); closed != nil && err == nil {
		err = stored.CannotWrite(path, closed)
	}
	u.touch(id)
	if have > offset {
		u.came(id, have-offset)
	}
	return have, err
}

// came notes that an upload takes so much less from now on.
func (u *Uploads) came(id string, bytes uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if lacks, open := u.lacks[id]; open {
		u.lacks[id] = lacks - min(bytes, lacks)
	}
}

// begin finds a file of an unfinished upload and keeps others from writing it until done.
func (u *Uploads) begin(id, path string) (up *upload, at int, done func(), err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	up, err = u.find(id)
	if err != nil {
		return up, at, nil, err
	}
	i, ok := slices.BinarySearchFunc(up.files, path,
		func(f manifest.File, p string) int { return strings.Compare(f.Path, p) })
	if !ok || up.files[i].Kind != manifest.KindFile {
		return up, at, nil, groupcast.Errorf(groupcast.ENotFound, "the upload has no file %q", path)
	}
	key := id + "/" + path
	if u.closed {
		return up, at, nil, errClosed
	}
	if u.busy[key] {
		return up, at, nil, groupcast.Errorf(groupcast.EConflict, "%s is being written already", path).
			WithHint("wait, then read how far it is")
	}
	if u.complete(id) {
		return up, at, nil, groupcast.Errorf(groupcast.EConflict, "the upload is complete")
	}
	u.busy[key] = true
	return up, i, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.busy, key)
		if u.closed && len(u.busy) == 0 {
			_ = u.markWhole() // else small files are sent again if the power goes
		}
	}, nil
}

// appendTo writes what r gives behind what the file has.
func (u *Uploads) appendTo(file stored.Sink, f *manifest.File, offset uint64, r io.Reader) (uint64, error) {
	have := file.Have()
	if have != offset {
		return have, groupcast.Errorf(groupcast.EConflict, "of %s the server holds %d bytes, not %d", f.Path, have,
			offset).
			WithHint("go on from byte %d", have)
	}
	in := &incoming{Reader: r}
	_, err := io.Copy(roomy{file, u.limits.Room}, io.LimitReader(in, int64(f.Size-have)))
	have = file.Have()
	if in.err != nil {
		return have, fmt.Errorf("receive %s: %w", f.Path, in.err)
	}
	if err != nil {
		return have, stored.CannotWrite(f.Path, err)
	}
	if err := file.Sync(); err != nil {
		return have, stored.CannotWrite(f.Path, err)
	}
	if have == f.Size {
		if n, err := r.Read(make([]byte, 1)); n > 0 || err == nil {
			return have, groupcast.Errorf(groupcast.EInvalid, "%s is longer than the %d bytes declared", f.Path, f.Size).
				WithHint("it grew while it was read: begin anew")
		}
	}
	return have, nil
}

// roomy writes as long as the disk has room beside what is kept free: others fill it, too.
type roomy struct {
	io.Writer
	room Room
}

func (w roomy) Write(b []byte) (int, error) {
	if w.room != nil {
		if err := w.room.Fits(uint64(len(b))); err != nil {
			return 0, err
		}
	}
	return w.Writer.Write(b)
}

// incoming remembers whether it was the sender that broke off, and not the disk.
type incoming struct {
	io.Reader
	err error
}

func (r *incoming) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if err != nil && !isEOF(err) {
		r.err = err
	}
	return n, err
}

// Complete checks that every byte is there, makes everything durable, and gives the tree to
// Build. It may be called again.
func (u *Uploads) Complete(id string) (*Tree, error) {
	files, err := u.Entries(id)
	if err != nil {
		return nil, err
	}
	have, err := u.Have(id)
	if err != nil {
		return nil, err
	}
	for i := range files {
		if have[i] != files[i].Size {
			return nil, groupcast.Errorf(groupcast.EConflict, "of %s %d of %d bytes are there", files[i].Path, have[i],
				files[i].Size).
				WithHint("upload the rest first")
		}
	}
	if !u.complete(id) {
		if err := u.seal(id, files); err != nil {
			return nil, err
		}
	}
	place := Place{Roots: []Root{{Base: u.bytes(&upload{id, files}).Folder(), Path: "."}}, files: u.files(id)}
	return &Tree{Files: files, Place: place, Bytes: total(files)}, nil
}

// seal makes an upload durable and marks it complete.
func (u *Uploads) seal(id string, files []manifest.File) error {
	err := u.bytes(&upload{id, files}).Finish()
	if errors.Is(err, fs.ErrNotExist) {
		return noUpload(id, err)
	}
	if err != nil {
		return stored.CannotWrite("upload "+id, err)
	}
	if err := durable.WriteFile(filepath.Join(u.dir, id, completeName), nil); err != nil {
		return stored.CannotWrite("upload "+id, err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.lacks, id)
	return nil
}
