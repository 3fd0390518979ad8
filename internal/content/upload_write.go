package content

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/manifest"
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
	files := up.files
	root, err := os.OpenRoot(u.data(up.id))
	if err != nil {
		return nil, noUpload(up.id, err)
	}
	defer root.Close()
	have := make([]uint64, len(files))
	for i := range files {
		if files[i].Kind != manifest.KindFile {
			have[i] = files[i].Size
			continue
		}
		info, err := root.Lstat(filepath.FromSlash(files[i].Path))
		if err != nil {
			return nil, cannotRead(files[i].Path, err)
		}
		have[i] = uint64(info.Size())
	}
	return have, nil
}

// Write appends to one file from offset on, which must be what is there (EConflict
// otherwise). It gives how many bytes are there afterwards, also with an error.
func (u *Uploads) Write(id, path string, offset uint64, r io.Reader) (uint64, error) {
	f, done, err := u.begin(id, path)
	if err != nil {
		return 0, err
	}
	defer done()
	root, err := os.OpenRoot(u.data(id))
	if err != nil {
		return 0, noUpload(id, err)
	}
	defer root.Close()
	file, err := root.OpenFile(filepath.FromSlash(path), os.O_WRONLY, 0)
	if err != nil {
		return 0, cannotWrite(path, err)
	}
	have, err := u.appendTo(file, f, offset, r)
	if closed := file.Close(); closed != nil && err == nil {
		err = cannotWrite(path, closed)
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
func (u *Uploads) begin(id, path string) (f manifest.File, done func(), err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	up, err := u.find(id)
	if err != nil {
		return f, nil, err
	}
	i, ok := slices.BinarySearchFunc(up.files, path,
		func(f manifest.File, p string) int { return strings.Compare(f.Path, p) })
	if !ok || up.files[i].Kind != manifest.KindFile {
		return f, nil, groupcast.Errorf(groupcast.ENotFound, "the upload has no file %q", path)
	}
	key := id + "/" + path
	if u.closed {
		return f, nil, errClosed
	}
	if u.busy[key] {
		return f, nil, groupcast.Errorf(groupcast.EConflict, "%s is being written already", path).
			WithHint("wait, then read how far it is")
	}
	if u.complete(id) {
		return f, nil, groupcast.Errorf(groupcast.EConflict, "the upload is complete")
	}
	u.busy[key] = true
	return up.files[i], func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.busy, key)
		if u.closed && len(u.busy) == 0 {
			_ = u.markWhole() // else small files are sent again if the power goes
		}
	}, nil
}

// appendTo writes what r gives behind what the file has.
func (u *Uploads) appendTo(file *os.File, f manifest.File, offset uint64, r io.Reader) (uint64, error) {
	have, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, cannotWrite(f.Path, err)
	}
	if uint64(have) != offset {
		return uint64(have), groupcast.Errorf(groupcast.EConflict, "of %s the server holds %d bytes, not %d", f.Path, have,
			offset).
			WithHint("go on from byte %d", have)
	}
	in := &incoming{Reader: r}
	n, err := io.Copy(roomy{file, u.limits.Room}, io.LimitReader(in, int64(f.Size)-have))
	have += n
	if in.err != nil {
		return uint64(have), fmt.Errorf("receive %s: %w", f.Path, in.err)
	}
	if err != nil {
		return uint64(have), cannotWrite(f.Path, err)
	}
	if f.Size >= durableFrom {
		if err := file.Sync(); err != nil {
			return uint64(have), cannotWrite(f.Path, err)
		}
	}
	if uint64(have) == f.Size {
		if n, err := r.Read(make([]byte, 1)); n > 0 || err == nil {
			return uint64(have), groupcast.Errorf(groupcast.EInvalid, "%s is longer than the %d bytes declared", f.Path, f.Size).
				WithHint("it grew while it was read: begin anew")
		}
	}
	return uint64(have), nil
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
	place := Place{Roots: []Root{{Base: u.data(id), Path: "."}}}
	return &Tree{Files: files, Place: place, Bytes: total(files)}, nil
}

// seal makes an upload durable and marks it complete.
func (u *Uploads) seal(id string, files []manifest.File) error {
	root, err := os.OpenRoot(u.data(id))
	if err != nil {
		return noUpload(id, err)
	}
	err = syncTree(root, files)
	if err := errors.Join(err, root.Close()); err != nil {
		return cannotWrite("upload "+id, err)
	}
	if err := durable.WriteFile(filepath.Join(u.dir, id, completeName), nil); err != nil {
		return cannotWrite("upload "+id, err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.lacks, id)
	return nil
}

// syncEach makes files durable one by one, with the folders that hold them.
func syncEach(root *os.Root, files []manifest.File) error {
	folders := map[string]bool{".": true}
	for i := range files {
		if files[i].Kind != manifest.KindFile {
			continue
		}
		name := filepath.FromSlash(files[i].Path)
		for d := filepath.Dir(name); !folders[d]; d = filepath.Dir(d) {
			folders[d] = true
		}
		if err := syncOne(root, name, os.O_WRONLY); err != nil {
			return err
		}
	}
	for d := range folders {
		if err := syncFolder(root, d); err != nil {
			return err
		}
	}
	return nil
}

func syncOne(root *os.Root, name string, flag int) error {
	f, err := root.OpenFile(name, flag, 0)
	if err != nil {
		return fmt.Errorf("open to make durable: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}
