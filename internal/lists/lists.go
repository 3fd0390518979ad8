// Package lists writes what the server keeps of a paged transfer's files: the skeleton, which says what is promised,
// and the listing of how each file was found. Both are written entry by entry, without knowing how many will come.
package lists

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/listed"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// The names of the two files.
const (
	Skeleton = "skeleton"
	Listing  = "listing"
)

// Sum is what the lists say in short.
type Sum struct {
	Name          string // of the first file or folder
	Files         int    // and links
	Folders       int
	Bytes         uint64
	Blocks        int
	Pages         uint32          // numbers that an offer keeps for pages
	Digest        protocol.Digest // of the skeleton …
	SkeletonBytes uint64          // … which has so many bytes
	Notes         []groupcast.Note
}

// Writer writes both lists. What they have in front of the entries is written last. In memory are only how the content
// is cut, and what is not on the disk yet.
type Writer struct {
	sum      Sum
	entries  int
	cut      *skeleton.Cut
	coarse   groupcast.Note
	skeleton *skeleton.Writer
	listing  *listed.Writer
	files    [2]*freshFile // of the skeleton and of the listing
}

// New begins lists in a folder. holds says why so many bytes more do not fit on the disk.
func New(at string, holds func(bytes uint64) error) (w *Writer, err error) {
	w = &Writer{cut: skeleton.NewCut(), coarse: groupcast.Note{Code: groupcast.NoteTimes}}
	for i, name := range []string{Skeleton, Listing} {
		if w.files[i], err = newFresh(filepath.Join(at, name), holds); err != nil {
			w.Abandon()
			return nil, err
		}
	}
	w.skeleton, err = skeleton.NewOpenWriter(w.files[0].Writer)
	w.listing = listed.NewWriter(w.files[1].Writer)
	return w, err
}

// Add takes the next entry. A file that has another size than was found has an identity that no file has: it will turn
// out as changed.
func (w *Writer) Add(f *manifest.File, id listed.Identity) error {
	if err := w.skeleton.Add(f); err != nil {
		return unfit(err)
	}
	w.cut.Add(w.entries, f)
	if w.entries == 0 {
		w.sum.Name, _, _ = strings.Cut(f.Path, "/")
	}
	w.entries++
	if protocol.IsCoarse(f.MTime) {
		if w.coarse.Count++; w.coarse.Count == 1 {
			w.coarse.Path = f.Path
		}
	}
	if f.Kind == manifest.KindFolder {
		w.sum.Folders++
	} else {
		w.sum.Files++
	}
	if f.Kind != manifest.KindFile {
		w.listing.Add(listed.File{})
		return nil
	}
	if id.Size != f.Size {
		id = listed.Identity{}
	}
	w.listing.Add(listed.File{Path: f.Path, ID: id})
	return nil
}

// Close ends the lists and says what they are of.
func (w *Writer) Close(durable bool) (Sum, error) {
	if err := w.cut.Close(); err != nil {
		return Sum{}, groupcast.Errorf(groupcast.EInvalid, "that is too much for one transfer: %s", err).
			WithHint("split it into several")
	}
	index, n, err := w.skeleton.Close()
	if err := errors.Join(err, w.listing.Close()); err != nil {
		return Sum{}, err
	}
	err = errors.Join(w.files[0].closeWith(w.skeleton.Head(), durable), w.files[1].closeWith(w.listing.Head(), durable))
	b := w.sum
	b.Digest, b.SkeletonBytes = format2.SkeletonDigest(index), uint64(n)
	b.Bytes, b.Blocks, b.Pages = w.cut.Bytes(), w.cut.Blocks(), pages.PagesFor(w.cut)
	if w.coarse.Count > 0 {
		b.Notes = []groupcast.Note{w.coarse}
	}
	return b, err
}

// Abandon closes what is still open.
func (w *Writer) Abandon() {
	for _, f := range w.files {
		if f != nil {
			f.file.Close() // what it has goes, or it was closed in order
		}
	}
}

// unfit says why entries cannot be one transfer; errors of the disk, and what has words already, stay what they are.
func unfit(err error) error {
	var away *fs.PathError
	switch {
	case errors.As(err, &away), groupcast.ErrorCode(err) != groupcast.EInternal:
		return err
	case errors.Is(err, skeleton.ErrLarge):
		return groupcast.Errorf(groupcast.EInvalid, "the paths of these files are too much for one transfer").
			WithHint("split it into several").Wrap(err)
	}
	return groupcast.Errorf(groupcast.EInvalid, "these files cannot be sent: %s", err)
}

// freshFile is a file that nobody knows of yet. The disk is asked whether there is room before anything is written.
type freshFile struct {
	*bufio.Writer
	file *os.File
}

func newFresh(name string, holds func(bytes uint64) error) (*freshFile, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keeping the list of the files: %w", err)
	}
	return &freshFile{bufio.NewWriterSize(held{f, holds}, 64<<10), f}, nil
}

// closeWith writes over how the file begins.
func (f *freshFile) closeWith(head []byte, durable bool) error {
	err := f.Flush()
	if err == nil {
		_, err = f.file.WriteAt(head, 0)
	}
	if err == nil && durable {
		err = f.file.Sync()
	}
	return errors.Join(err, f.file.Close())
}

// held writes to a file as long as the disk has room for what the server itself keeps.
type held struct {
	*os.File
	holds func(bytes uint64) error
}

func (h held) Write(b []byte) (int, error) {
	if err := h.holds(uint64(len(b))); err != nil {
		return 0, err
	}
	return h.File.Write(b)
}
