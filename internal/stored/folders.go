package stored

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/groupcast/groupcast/internal/manifest"
)

const dataName = "data"

// Folders keeps uploads in a folder each: DIR/ID/data has the files under their paths.
type Folders struct{ dir string }

// InFolders keeps uploads below dir.
func InFolders(dir string) Folders { return Folders{dir} }

// Of gives the bytes of an upload.
func (f Folders) Of(id string, files []manifest.File) Bytes {
	return &folder{id, filepath.Join(f.dir, id, dataName), files}
}

// Has says whether an upload lies here.
func (f Folders) Has(id string) bool {
	_, err := os.Stat(filepath.Join(f.dir, id, dataName))
	return err == nil
}

// OnDisk is true: they lie nowhere else.
func (f Folders) OnDisk() bool { return true }

// folder is the files of an upload.
type folder struct {
	id    string
	dir   string
	files []manifest.File
}

func (d *folder) Files() Files   { return nil }
func (d *folder) Folder() string { return d.dir }
func (d *folder) Remove() error  { return nil }

// Make makes the folders and an empty file for each entry that has content.
func (d *folder) Make() error {
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		return CannotWrite(d.id, err)
	}
	root, err := os.OpenRoot(d.dir)
	if err != nil {
		return CannotWrite(d.id, err)
	}
	defer root.Close()
	made := ""
	for i := range d.files {
		f := &d.files[i]
		if f.Kind != manifest.KindFile {
			continue
		}
		name := filepath.FromSlash(f.Path)
		if parent := filepath.Dir(name); parent != made {
			if err := root.MkdirAll(parent, 0o700); err != nil {
				return CannotWrite(f.Path, err)
			}
			made = parent
		}
		file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return CannotWrite(f.Path, err)
		}
		if err := file.Close(); err != nil {
			return CannotWrite(f.Path, err)
		}
	}
	return nil
}

func (d *folder) Have() ([]uint64, error) {
	root, err := os.OpenRoot(d.dir)
	if err != nil {
		return nil, fmt.Errorf("look at upload %s: %w", d.id, err)
	}
	defer root.Close()
	have := make([]uint64, len(d.files))
	for i := range d.files {
		if d.files[i].Kind != manifest.KindFile {
			have[i] = d.files[i].Size
			continue
		}
		info, err := root.Lstat(filepath.FromSlash(d.files[i].Path))
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", d.files[i].Path, err)
		}
		have[i] = uint64(info.Size())
	}
	return have, nil
}

// Append opens a file; its path leads nowhere out of the upload.
func (d *folder) Append(at int) (Sink, error) {
	root, err := os.OpenRoot(d.dir)
	if err != nil {
		return nil, fmt.Errorf("open upload %s: %w", d.id, err)
	}
	defer root.Close()
	name := d.files[at].Path
	file, err := root.OpenFile(filepath.FromSlash(name), os.O_WRONLY, 0)
	if err != nil {
		return nil, CannotWrite(name, err)
	}
	have, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, errors.Join(CannotWrite(name, err), file.Close())
	}
	return &appended{file, uint64(have), d.files[at].Size}, nil
}

// appended is a file that is written to.
type appended struct {
	*os.File
	have, size uint64
}

func (a *appended) Have() uint64 { return a.have }

func (a *appended) Write(b []byte) (int, error) {
	n, err := a.File.Write(b)
	a.have += uint64(n)
	return n, err
}

func (a *appended) Sync() error {
	if a.size < DurableFrom {
		return nil
	}
	return a.File.Sync()
}

// Distrust empties the small files: they were never made durable.
func (d *folder) Distrust() error {
	root, err := os.OpenRoot(d.dir)
	if err != nil {
		return fmt.Errorf("open upload %s: %w", d.id, err)
	}
	defer root.Close()
	for i := range d.files {
		f := &d.files[i]
		if f.Kind != manifest.KindFile || f.Size == 0 || f.Size >= DurableFrom {
			continue
		}
		if err := truncate(root, filepath.FromSlash(f.Path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("recover upload %s: %w", d.id, err)
		}
	}
	return nil
}

func truncate(root *os.Root, name string) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

func (d *folder) Sync() error {
	root, err := os.OpenRoot(d.dir)
	if err != nil {
		return fmt.Errorf("make upload %s durable: %w", d.id, err)
	}
	return errors.Join(syncTree(root, d.files), root.Close())
}

func (d *folder) Finish() error { return d.Sync() }

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
