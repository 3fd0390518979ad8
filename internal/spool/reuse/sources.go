package reuse

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/record"
)

// sources are the delivered files that may hold the content of one file: those with its digest, what was delivered
// under its own path, and those of its size.
type sources struct {
	large bool // it is read block by block, so that what was opened stays open
	list  []source
}

type source struct {
	path   string
	known  bool // what was delivered has been looked up
	is     record.Delivered
	looked bool // whether it is as it was delivered
	name   string
	file   diskfs.File
}

// add takes a path, once.
func (s *sources) add(path string) bool {
	if slices.ContainsFunc(s.list, func(o source) bool { return o.path == path }) {
		return false
	}
	s.list = append(s.list, source{path: path})
	return true
}

// resolve takes what was delivered under the paths, and drops those where nothing was.
func (s *sources) resolve(known map[string]record.Delivered) {
	s.list = slices.DeleteFunc(s.list, func(o source) bool {
		_, there := known[o.path]
		return !o.known && !there
	})
	for i := range s.list {
		if o := &s.list[i]; !o.known {
			o.is, o.known = known[o.path], true
		}
	}
}

// first reads the bytes of an extent from the first source that has so many there.
func (s *sources) first(ctx context.Context, w *filler, x skeleton.Extent, buf []byte) (bool, error) {
	for i := range s.list {
		if ok, err := s.read(ctx, w, i, x, buf); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// read reads the bytes of an extent from one source. What cannot be read is not there.
func (s *sources) read(ctx context.Context, w *filler, i int, x skeleton.Extent, buf []byte) (bool, error) {
	o := &s.list[i]
	if x.Offset+uint64(x.Length) > o.is.Size {
		return false, nil
	}
	if !o.looked {
		name, err := w.staging.Lies(ctx, o.path, o.is)
		if err != nil {
			return false, err
		}
		o.looked, o.name = true, name
	}
	if o.name == "" {
		return false, nil
	}
	if o.file == nil {
		f, err := w.fs.Open(o.name, false)
		if err != nil {
			o.name = ""
			return false, ctx.Err()
		}
		o.file = f
	}
	n, err := o.file.ReadAt(buf, int64(x.Offset))
	if n == len(buf) {
		err = nil
	}
	if !s.large || err != nil {
		o.close()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		o.name = "" // it is not tried again
	}
	return err == nil, ctx.Err()
}

func (s *sources) close() {
	for i := range s.list {
		s.list[i].close()
	}
}

func (o *source) close() {
	if o.file != nil {
		_ = o.file.Close() // it was only read
		o.file = nil
	}
}
