package diskfs

import (
	"errors"
	"io"
	"io/fs"
	"time"
)

// Meta is what is known of a file besides its content.
type Meta struct {
	Mode  fs.FileMode // the bits for reading, writing and executing
	MTime time.Time
}

// ReadWhole reads a file that has just as many bytes as the buffer; it says false of anything else that has the name,
// which is not opened.
func ReadWhole(f FS, name string, buf []byte) (m Meta, whole bool, err error) {
	if r, quick := f.(*Root); quick {
		err = r.in(name, func(at *folder, base string) (err error) {
			m, whole, err = readWhole(at, base, buf)
			return err
		})
		return m, whole, err
	}
	return readSteps(buf,
		func() (fs.FileInfo, error) { return f.Lstat(name) }, func() (File, error) { return f.Open(name, false) })
}

// readSteps is ReadWhole, one step after another.
func readSteps(
	buf []byte, look func() (fs.FileInfo, error), open func() (File, error),
) (m Meta, whole bool, err error) {
	seen, err := look()
	if err != nil || !seen.Mode().IsRegular() || seen.Size() != int64(len(buf)) {
		return m, false, err
	}
	m = Meta{Mode: seen.Mode().Perm(), MTime: seen.ModTime()}
	h, err := open()
	if err != nil {
		return m, false, err
	}
	n, err := h.ReadAt(buf, 0)
	if n == len(buf) || errors.Is(err, io.EOF) { // it was cut
		err = nil
	}
	return m, n == len(buf), errors.Join(err, h.Close())
}
