package content

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/disk"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/ownfiles"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Blocks gives the blocks of some content, and their layout, until it is closed.
type Blocks interface {
	// ReadBlock reads block n of the stream into buf, which holds protocol.BlockSize bytes, and says
	// how long it is. Content that cannot be read now is an *UnavailableError, other content than what
	// was hashed a *ChangedError.
	ReadBlock(n protocol.BlockNumber, buf []byte) (int, error)
	Layout() *manifest.Layout
	Close() error
}

// Built is what was made of the files of a transfer.
type Built struct {
	Content        string // its name in the library
	Name           string
	Files          int // and links
	Folders        int
	Bytes          uint64
	Blocks         int
	Root           protocol.Digest
	ManifestBytes  uint64
	ManifestBlocks uint32
	Source         string // "path", or "upload:" and its ID
	InPlace        bool
	Delta          bool            // mode delta is meant for it
	Paged          bool            // it has a skeleton in place of a manifest …
	Skeleton       protocol.Digest // … with this digest
	SkeletonBytes  uint64
	Pages          uint32 // numbers that its offer keeps for pages
	Notes          []groupcast.Note
	LeftOut        groupcast.LeftOuts
}

// Where the files of some content come from; after FromUpload stands the upload's ID.
const (
	FromPath   = "path"
	FromUpload = "upload:"
)

// Library is the folder HOME/server/content: for each transfer its manifest and where its
// files lie, under a name of its own; and the uploads beside it.
type Library struct {
	dir      string
	own      *ownfiles.Folders
	Uploads  *Uploads
	holds    func(bytes uint64) error
	pages    ReadPages
	mu       sync.Mutex
	open     map[string]*shared
	making   map[string]bool // content whose transfer is just being added
	reserved map[string]int  // uploads of which transfers are being made
}

// shared is a transfer's content while it is read: it is parsed once for all readers.
type shared struct {
	src     *Source
	layout  *manifest.Layout
	readers int
}

// OpenLibrary opens the content and the uploads below dir. holds says why so many bytes that the server
// itself keeps, beside what was uploaded, do not fit on the disk.
func OpenLibrary(dir string, limits UploadLimits, holds func(bytes uint64) error) (*Library, error) {
	at := filepath.Join(dir, "content")
	if err := os.MkdirAll(at, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of content: %w", err)
	}
	uploads, err := OpenUploads(filepath.Join(dir, "uploads"), limits)
	if err != nil {
		return nil, err
	}
	return &Library{
		dir: at, Uploads: uploads, holds: holds, open: map[string]*shared{}, making: map[string]bool{},
		reserved: map[string]int{},
	}, nil
}

// Guard says which files may never be read where they lie, whatever name they have there.
func (l *Library) Guard(own *ownfiles.Folders) { l.own = own }

func (l *Library) folder(id string) string { return filepath.Join(l.dir, id) }

// Build hashes a tree and keeps its manifest. The caller calls made when a transfer has it, or
// none will.
func (l *Library) Build(ctx context.Context, t *Tree, from string) (Built, error) {
	m, err := Build(ctx, t, nil)
	if err != nil {
		return Built{}, err
	}
	return l.Keep(m, topName(t), t.Place, from)
}

// Keep keeps a manifest as new
func (l *Library) Keep(m *manifest.Manifest, name string, p Place, from string) (Built, error) {
	layout, encoded := manifest.LayoutOf(m)
	folders := foldersIn(m.Files)
	b := Built{
		Content: newContentID(), Name: name, Files: len(m.Files) - folders, Folders: folders, Bytes: m.StreamLength(),
		Blocks: len(m.Blocks), Root: encoded.Root,
		ManifestBytes: uint64(len(encoded.Manifest)), ManifestBlocks: uint32(layout.FirstStream()) - 1,
		Source: from, InPlace: from == FromPath, Notes: notesOn(m.Files),
	}
	if len(encoded.Manifest) > protocol.MaxManifestBytes || len(m.Files) > protocol.MaxFiles ||
		b.Blocks > protocol.MaxBlocks {
		return Built{}, groupcast.Errorf(groupcast.EInvalid, "that is too much for one transfer: %d entries, %d blocks",
			len(m.Files), b.Blocks).
			WithHint("split it into several")
	}
	l.mu.Lock()
	l.making[b.Content] = true
	l.mu.Unlock()
	if err := l.store(b.Content, encoded.Manifest, p, from); err != nil {
		l.Made(b.Content)
		return Built{}, errors.Join(err, l.Forget(b.Content))
	}
	return b, nil
}

func foldersIn(files []manifest.File) (n int) {
	for i := range files {
		if files[i].Kind == manifest.KindFolder {
			n++
		}
	}
	return n
}

// newContentID names new content; it is never a number, which older content has for a name.
func newContentID() string { return "c" + strings.ToLower(rand.Text()) }

// Made says that a transfer has this content, or that none will.
func (l *Library) Made(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.making, id)
}

// Forget deletes a manifest and leaves the files, uploaded or not.
func (l *Library) Forget(id string) error { return os.RemoveAll(l.folder(id)) }

// notesOn says what of some files is not as it was found.
func notesOn(files []manifest.File) []groupcast.Note {
	coarse := groupcast.Note{Code: groupcast.NoteTimes}
	for i := range files {
		if !protocol.IsCoarse(files[i].MTime) {
			continue
		}
		if coarse.Count++; coarse.Count == 1 {
			coarse.Path = files[i].Path
		}
	}
	if coarse.Count == 0 {
		return nil
	}
	return []groupcast.Note{coarse}
}

// Kept is what is stored with a manifest, or a skeleton.
type Kept struct {
	Place  Place  `json:"place"`
	Source string `json:"source"`
	Hash   uint8  `json:"hash,omitempty"`  // of the block digests, as in offers; 0: written before it was noted
	Paged  bool   `json:"paged,omitempty"` // there is a skeleton in place of a manifest
}

func (l *Library) store(id string, m []byte, p Place, from string) error {
	if err := l.holds(uint64(len(m))); err != nil {
		return err
	}
	return disk.InWords(l.write(id, m, p, from))
}

func (l *Library) write(id string, m []byte, p Place, from string) error {
	if err := os.MkdirAll(l.folder(id), 0o700); err != nil {
		return fmt.Errorf("keeping a manifest: %w", err)
	}
	place, err := json.Marshal(Kept{Place: p, Source: from, Hash: wire.HashBLAKE3})
	if err != nil {
		return fmt.Errorf("encoding where files lie: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(l.folder(id), "place.json"), place); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(l.folder(id), "manifest"), m)
}

func topName(t *Tree) string {
	if len(t.Files) == 0 {
		return ""
	}
	top, _, _ := strings.Cut(t.Files[0].Path, "/")
	return top
}

// Kept reads where the files of some content lie; ErrOtherDigests if this program cannot send it.
func (l *Library) Kept(id string) (k Kept, err error) {
	place, err := os.ReadFile(filepath.Join(l.folder(id), "place.json"))
	if err != nil {
		return k, contentGone(err)
	}
	if err := json.Unmarshal(place, &k); err != nil {
		return k, contentGone(err)
	}
	if k.Paged && k.Hash != format2.HashBLAKE3 || !k.Paged && k.Hash != 0 && k.Hash != wire.HashBLAKE3 {
		return k, ErrOtherDigests
	}
	if upload, uploaded := strings.CutPrefix(k.Source, FromUpload); uploaded {
		k.Place.files = l.Uploads.files(upload)
	} else {
		k.Place.own = l.own
	}
	return k, nil
}

// Manifest reads a transfer's manifest and where its files lie.
func (l *Library) Manifest(id string) (*manifest.Manifest, Kept, error) {
	k, err := l.Kept(id)
	if err != nil {
		return nil, k, err
	}
	if k.Paged {
		return nil, k, ErrPaged
	}
	raw, err := os.ReadFile(filepath.Join(l.folder(id), "manifest"))
	if err != nil {
		return nil, k, contentGone(err)
	}
	m, err := manifest.Parse(raw)
	if err != nil {
		return nil, k, contentGone(err)
	}
	return m, k, nil
}

// ErrPaged says that content has a skeleton in place of a manifest.
var ErrPaged = errors.New("this content has no manifest: its digests are in signed pages")

// ErrOtherDigests says that another version of the program made a transfer's list of digests: no receiver
// of this one could check what it got.
var ErrOtherDigests = groupcast.Errorf(groupcast.EConflict, "the files were prepared by another version of groupcast").
	WithHint("add them again").Wrap(ErrContentGone)

// ErrContentGone says that what the server itself kept of a transfer is not there any more.
var ErrContentGone = errors.New("the content is gone")

// contentGone is the error of a manifest that cannot be read: for good, or not now.
func contentGone(err error) error {
	var disk *fs.PathError
	if errors.As(err, &disk) && !errors.Is(err, fs.ErrNotExist) {
		return &UnavailableError{Path: "its own list of the files", Why: groupcast.WhyUnreadable, Err: err}
	}
	return groupcast.Errorf(groupcast.EConflict, "the server no longer has the content of this transfer").
		WithHint("add the files again").Wrap(errors.Join(ErrContentGone, err))
}

// Open opens a transfer's content, shared with other readers.
func (l *Library) Open(id string) (Blocks, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.open[id]
	if s == nil {
		m, k, err := l.Manifest(id)
		if err != nil {
			return nil, err
		}
		layout, _ := manifest.LayoutOf(m)
		src, err := NewSource(layout, k.Place)
		if err != nil {
			return nil, err
		}
		s = &shared{src: src, layout: layout}
		l.open[id] = s
	}
	s.readers++
	return &reader{shared: s, library: l, id: id}, nil
}

// reader is one reader of shared
type reader struct {
	*shared
	library *Library
	id      string
	once    sync.Once
}

func (r *reader) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) {
	return r.src.ReadBlock(n, buf)
}

func (r *reader) Layout() *manifest.Layout { return r.layout }

// Close closes the files with the last reader.
func (r *reader) Close() (err error) {
	r.once.Do(func() {
		r.library.mu.Lock()
		defer r.library.mu.Unlock()
		if r.readers--; r.readers == 0 {
			delete(r.library.open, r.id)
			err = r.src.Close()
		}
	})
	return err
}

// Remove deletes what the server holds of a transfer: the manifest and what was uploaded,
// never files read in place.
func (l *Library) Remove(id string) error {
	var k Kept
	place, err := os.ReadFile(filepath.Join(l.folder(id), "place.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.RemoveAll(l.folder(id))
	case err != nil:
		return fmt.Errorf("removing content: %w", err)
	}
	if err := json.Unmarshal(place, &k); err != nil {
		return fmt.Errorf("removing content: %w", err)
	}
	if err := l.Forget(id); err != nil {
		return err
	}
	if upload, uploaded := strings.CutPrefix(k.Source, FromUpload); uploaded {
		return l.free(upload)
	}
	return nil
}

// Names lists the content that is kept, without what is just being added.
func (l *Library) Names() ([]string, error) {
	folders, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, fmt.Errorf("listing content: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, f := range folders {
		if !l.making[f.Name()] {
			out = append(out, f.Name())
		}
	}
	return out, nil
}

// UsedUploads lists the uploads that transfers use.
func (l *Library) UsedUploads() (map[string]bool, error) {
	folders, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, fmt.Errorf("listing content: %w", err)
	}
	used := map[string]bool{}
	for _, f := range folders {
		var k Kept
		if !f.IsDir() {
			continue
		}
		place, err := os.ReadFile(filepath.Join(l.dir, f.Name(), "place.json"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("listing content: %w", err) // it may use any of them
		}
		if err == nil && json.Unmarshal(place, &k) == nil {
			if id, ok := strings.CutPrefix(k.Source, FromUpload); ok {
				used[id] = true
			}
		}
	}
	return used, nil
}
