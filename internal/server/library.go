package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/session"
)

// source gives the blocks of a transfer, and their layout.
type source interface {
	session.BlockSource
	Layout() *manifest.Layout
	Close() error
}

// built is what was made of the files of a transfer.
type built struct {
	Name           string
	Files          int
	Bytes          uint64
	Blocks         int
	Root           protocol.Digest
	ManifestBytes  uint64
	ManifestBlocks uint32
	Source         string // "path", or "upload:" and its ID
	InPlace        bool
	Notes          []groupcast.Note
}

const (
	fromPath   = "path"
	fromUpload = "upload:"
)

// library is the folder HOME/server/content: for each transfer its manifest and where its
// files lie; and the uploads beside it.
type library struct {
	dir     string
	uploads *content.Uploads
	mu      sync.Mutex
	open    map[protocol.TransferNo]*shared
}

// shared is a transfer's content while somebody reads it: parsed once, whoever many read.
type shared struct {
	src     *content.Source
	layout  *manifest.Layout
	readers int
}

func openLibrary(dir string) (*library, error) {
	at := filepath.Join(dir, "content")
	if err := os.MkdirAll(at, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of content: %w", err)
	}
	uploads, err := content.OpenUploads(filepath.Join(dir, "uploads"), content.UploadLimits{
		MaxBytes: maxUploadBytes, MaxOpen: maxUploads,
	})
	if err != nil {
		return nil, err
	}
	return &library{dir: at, uploads: uploads, open: map[protocol.TransferNo]*shared{}}, nil
}

func (l *library) uploadFolder(id string) string {
	return filepath.Join(filepath.Dir(l.dir), "uploads", id)
}

func (l *library) folder(no protocol.TransferNo) string {
	return filepath.Join(l.dir, strconv.FormatUint(uint64(no), 10))
}

// build hashes a tree and keeps its manifest.
func (l *library) build(ctx context.Context, no protocol.TransferNo, t *content.Tree, from string) (built, error) {
	m, err := content.Build(ctx, t, nil)
	if err != nil {
		return built{}, err
	}
	layout, encoded := manifest.LayoutOf(m)
	b := built{
		Name: topName(t), Files: len(m.Files), Bytes: m.StreamLength(), Blocks: len(m.Blocks), Root: encoded.Root,
		ManifestBytes: uint64(len(encoded.Manifest)), ManifestBlocks: uint32(layout.FirstStream()) - 1,
		Source: from, InPlace: from == fromPath, Notes: notesOn(m),
	}
	if len(encoded.Manifest) > protocol.MaxManifestBytes || b.Files > protocol.MaxFiles || b.Blocks > protocol.MaxBlocks {
		return built{}, groupcast.Errorf(groupcast.EInvalid, "that is too much for one transfer: %d files, %d blocks", b.Files, b.Blocks).
			WithHint("split it into several")
	}
	return b, l.keep(no, encoded.Manifest, t.Place, from)
}

// notesOn says what of a manifest is not as it was found.
func notesOn(m *manifest.Manifest) []groupcast.Note {
	coarse := groupcast.Note{Code: groupcast.NoteTimes}
	for i := range m.Files {
		if !protocol.IsCoarse(m.Files[i].MTime) {
			continue
		}
		if coarse.Count++; coarse.Count == 1 {
			coarse.Path = m.Files[i].Path
		}
	}
	if coarse.Count == 0 {
		return nil
	}
	return []groupcast.Note{coarse}
}

// kept is what lies beside a manifest.
type kept struct {
	Place  content.Place `json:"place"`
	Source string        `json:"source"`
}

func (l *library) keep(no protocol.TransferNo, m []byte, p content.Place, from string) error {
	if err := os.MkdirAll(l.folder(no), 0o700); err != nil {
		return fmt.Errorf("keeping a manifest: %w", err)
	}
	place, err := json.Marshal(kept{Place: p, Source: from})
	if err != nil {
		return fmt.Errorf("encoding where files lie: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(l.folder(no), "place.json"), place); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(l.folder(no), "manifest"), m)
}

func topName(t *content.Tree) string {
	if len(t.Files) == 0 {
		return ""
	}
	top, _, _ := strings.Cut(t.Files[0].Path, "/")
	return top
}

// manifest reads a transfer's manifest and where its files lie.
func (l *library) manifest(no protocol.TransferNo) (*manifest.Manifest, kept, error) {
	var k kept
	place, err := os.ReadFile(filepath.Join(l.folder(no), "place.json"))
	if err != nil {
		return nil, k, contentGone(no, err)
	}
	if err := json.Unmarshal(place, &k); err != nil {
		return nil, k, contentGone(no, err)
	}
	raw, err := os.ReadFile(filepath.Join(l.folder(no), "manifest"))
	if err != nil {
		return nil, k, contentGone(no, err)
	}
	m, err := manifest.Parse(raw)
	if err != nil {
		return nil, k, contentGone(no, err)
	}
	return m, k, nil
}

func contentGone(no protocol.TransferNo, err error) error {
	return groupcast.Errorf(groupcast.EConflict, "the server no longer has the content of transfer %d", no).
		WithHint("add the files again").Wrap(err)
}

// source opens a transfer's content, shared with whoever reads it already.
func (l *library) source(no protocol.TransferNo) (source, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.open[no]
	if s == nil {
		m, k, err := l.manifest(no)
		if err != nil {
			return nil, err
		}
		layout, _ := manifest.LayoutOf(m)
		src, err := content.NewSource(layout, k.Place)
		if err != nil {
			return nil, err
		}
		s = &shared{src: src, layout: layout}
		l.open[no] = s
	}
	s.readers++
	return &reader{shared: s, library: l, no: no}, nil
}

// reader is one reader of shared content.
type reader struct {
	*shared
	library *library
	no      protocol.TransferNo
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
			delete(r.library.open, r.no)
			err = r.src.Close()
		}
	})
	return err
}

// Remove deletes what the server holds of a transfer: the manifest and what was uploaded,
// never files read in place.
func (l *library) Remove(no protocol.TransferNo) error {
	var k kept
	place, err := os.ReadFile(filepath.Join(l.folder(no), "place.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.RemoveAll(l.folder(no))
	case err != nil:
		return fmt.Errorf("removing content: %w", err)
	}
	if err := json.Unmarshal(place, &k); err != nil {
		return fmt.Errorf("removing content: %w", err)
	}
	if id, uploaded := strings.CutPrefix(k.Source, fromUpload); uploaded {
		if err := l.uploads.Remove(id); err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
			return err
		}
	}
	return os.RemoveAll(l.folder(no))
}

// numbers lists the transfers of which something is kept.
func (l *library) numbers() ([]protocol.TransferNo, error) {
	folders, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, fmt.Errorf("listing content: %w", err)
	}
	var out []protocol.TransferNo
	for _, f := range folders {
		if no, err := strconv.ParseUint(f.Name(), 10, 63); err == nil {
			out = append(out, protocol.TransferNo(no))
		}
	}
	return out, nil
}

// usedUploads lists the uploads that transfers use.
func (l *library) usedUploads() (map[string]bool, error) {
	folders, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, fmt.Errorf("listing content: %w", err)
	}
	used := map[string]bool{}
	for _, f := range folders {
		var k kept
		place, err := os.ReadFile(filepath.Join(l.dir, f.Name(), "place.json"))
		if err == nil && json.Unmarshal(place, &k) == nil {
			if id, ok := strings.CutPrefix(k.Source, fromUpload); ok {
				used[id] = true
			}
		}
	}
	return used, nil
}
