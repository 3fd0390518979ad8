package entries

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// Open opens the skeleton that a file has, if it is the one of an offer.
func Open(f diskfs.FS, name string, o format2.Offer) (diskfs.File, bool, error) {
	h, err := f.Open(name, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("open the list of entries that is kept: %w", err)
	}
	fi, err := h.Stat()
	if err == nil && uint64(fi.Size()) == o.SkeletonBytes {
		var x skeleton.Indexer
		_, err = io.Copy(&x, io.NewSectionReader(h, 0, fi.Size()))
		if err == nil && format2.SkeletonDigest(x.Index()) == o.Skeleton {
			return h, true, nil
		}
	}
	return nil, false, errors.Join(err, h.Close())
}

// Keep writes a skeleton into a file, if it is the one of the offer.
func Keep(f diskfs.FS, name string, o format2.Offer, from io.Reader) error {
	return diskfs.WriteWith(f, name, func(w io.Writer) error {
		var x skeleton.Indexer
		n, err := io.Copy(io.MultiWriter(w, &x), io.LimitReader(source{from}, int64(o.SkeletonBytes)+1))
		switch {
		case err != nil:
			return err
		case uint64(n) != o.SkeletonBytes || format2.SkeletonDigest(x.Index()) != o.Skeleton:
			return ErrOther
		}
		return nil
	})
}

// FromError is what went wrong with the reader that gave a skeleton: the disk is not to blame.
type FromError struct{ Err error }

func (e *FromError) Error() string { return e.Err.Error() }

// Unwrap gives what the reader said.
func (e *FromError) Unwrap() error { return e.Err }

type source struct{ io.Reader }

func (s source) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &FromError{err}
	}
	return n, err
}

// Blame blames the disk for an error, unless the skeleton was another one, or did not come.
func Blame(err error) error {
	var from *FromError
	if errors.Is(err, ErrOther) || errors.As(err, &from) {
		return err
	}
	return trouble.OrDisk(err)
}

// Cut reads the skeleton of an offer to its end and cuts the stream, which must be as the offer says.
func Cut(f io.ReaderAt, o format2.Offer) (*List, *skeleton.Cut, error) {
	cut, disk := skeleton.NewCut(), &watched{ReaderAt: f}
	l, err := Read(disk, int(o.SkeletonBytes), cut.Add)
	if err == nil {
		err = cut.Close()
	}
	switch {
	case disk.err != nil:
		return nil, nil, fmt.Errorf("read the list of entries that is kept: %w", disk.err)
	case err != nil:
		return nil, nil, Refusal(err)
	case l.Len() != int(o.Entries) || cut.Bytes() != o.Bytes || cut.Blocks() != int(o.Blocks):
		return nil, nil, Refusal(errOther)
	}
	return l, cut, nil
}

// ErrOther says that a skeleton is not the one that the offer vouches for.
var ErrOther = errors.New("it is not the list that the offer names")

// errOther says that a skeleton is not what its offer says of it.
var errOther = errors.New("it promises something else than the offer")

// watched remembers that a file could not be read.
type watched struct {
	io.ReaderAt
	err error
}

// ReadAt reads from the file.
func (w *watched) ReadAt(b []byte, off int64) (int, error) {
	n, err := w.ReaderAt.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// Refusal is what is wrong with a skeleton, as a refusal.
func Refusal(err error) error {
	kind := "entry"
	switch {
	case errors.Is(err, errOther), errors.Is(err, skeleton.ErrTotals):
		kind = "offer"
	case errors.Is(err, skeleton.ErrEncoding):
		kind = "encoding"
	case errors.Is(err, skeleton.ErrLarge):
		kind = "large"
	}
	return &trouble.Refused{
		Kind:   groupcast.Refusal(groupcast.RefusedManifest + kind),
		Reason: fmt.Sprintf("the list of its files cannot be accepted: %v; send the files as a new transfer", err),
	}
}
