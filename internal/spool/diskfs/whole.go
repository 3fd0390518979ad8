package diskfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
)

// ErrTooLong says that a file has more bytes than it may.
var ErrTooLong = errors.New("more than it may have")

// Folder makes a folder or finds it; it says false if something else has that name.
func Folder(f FS, name string, mode fs.FileMode) (is bool, err error) {
	fi, err := f.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := f.Mkdir(name, mode); err != nil && !errors.Is(err, fs.ErrExist) {
			return true, fmt.Errorf("make folder %s: %w", name, err)
		}
		return true, f.SyncFolder(path.Dir(name))
	}
	if err != nil {
		return true, fmt.Errorf("look at %s: %w", name, err)
	}
	return fi.IsDir(), nil
}

// ReadAll reads a whole file of at most limit bytes.
func ReadAll(f FS, name string, limit int64) ([]byte, error) {
	file, err := f.Open(name, false)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	fi, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if fi.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, %w: %d", name, fi.Size(), ErrTooLong, limit)
	}
	b := make([]byte, fi.Size())
	if _, err := file.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b, nil
}

// WriteAll writes a whole new file under a temporary name, durably, then renames it.
func WriteAll(f FS, name string, b []byte) error {
	return WriteWith(f, name, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// WriteWith is WriteAll for what is written piece by piece.
func WriteWith(f FS, name string, write func(io.Writer) error) error {
	tmp := name + ".new"
	if err := f.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := f.Create(tmp, 0o600)
	if err != nil {
		return err
	}
	if err = write(io.NewOffsetWriter(file, 0)); err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := f.Rename(tmp, name); err != nil {
		return err
	}
	return f.SyncFolder(path.Dir(name))
}
