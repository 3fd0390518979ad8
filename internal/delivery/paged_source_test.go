package delivery

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/download"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/source"
	"github.com/groupcast/groupcast/internal/store"
)

// keptPages keeps pages in memory.
type keptPages struct {
	mu  sync.Mutex
	all [][]byte
}

func (k *keptPages) AddPage(_ context.Context, p source.Page) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all[:p.Number], p.Raw)
	return nil
}

func (k *keptPages) Pages(
	_ context.Context, _ protocol.TransferNo, _ protocol.Edition, from protocol.PageNo, most int,
) ([][]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := k.all[min(int(from), len(k.all)):]
	return list[:min(most, len(list))], nil
}

// hashed lists a folder as content, has it hashed, and makes it what devices fetch of a transfer.
func (w *world) hashed(tr *store.Transfer, dir string, meanwhile func()) {
	w.Helper()
	tree, err := content.Scan(w.ctx, []string{dir}, content.ScanOptions{})
	w.must(err)
	b, err := w.lib.List(w.ctx, tree, groupcast.NewTransfer{Paths: []string{dir}})
	w.must(err)
	tr.Blocks, tr.Bytes, tr.Skeleton, tr.SkeletonBytes, tr.Pages = b.Blocks, b.Bytes, b.Skeleton, b.SkeletonBytes, b.Pages
	tr.Files, tr.Folders = b.Files, b.Folders
	meanwhile()
	files, err := w.lib.OpenPaged(b.Content)
	w.must(err)
	src, err := source.Open(w.ctx, source.Config{
		Terms: w.pageTerms(*tr), Most: tr.Pages, Key: w.key, Files: files, Pages: &keptPages{},
		Log: slog.New(slog.DiscardHandler),
	})
	w.must(err)
	w.must(src.Run(w.ctx))
	w.Cleanup(func() { src.Close() })
	w.paging.open = func(context.Context, store.Transfer) (download.Paged, error) { return lent{src}, nil }
}

// lent is a source that its borrowers do not close.
type lent struct{ *source.Source }

func (lent) Close() error { return nil }

func (w *world) pageTerms(tr store.Transfer) format2.PageTerms {
	return format2.PageTerms{
		Server: protocol.ServerID{0xaa}, Group: tr.GroupID, Transfer: tr.No, TransferID: tr.ID, Skeleton: tr.Skeleton,
		Edition: 1,
	}
}

// readSkeleton reads a skeleton: what the files are, and how they are cut.
func (w *world) readSkeleton(raw []byte) (entries []skeleton.Entry, cut *skeleton.Cut) {
	w.Helper()
	r, err := skeleton.NewReader(bytes.NewReader(raw), len(raw))
	w.must(err)
	cut = skeleton.NewCut()
	for e, ok := r.Next(); ok; e, ok = r.Next() {
		cut.Add(len(entries), &e)
		entries = append(entries, e)
	}
	w.must(r.Err())
	w.must(cut.Close())
	return entries, cut
}

// A device that gets everything over HTTPS has the files whole and verified, and nothing of those that went.
func TestADeviceFetchesAPagedTransferWhole(t *testing.T) {
	big := strings.Repeat("big.", 400_000)
	dir := filepath.Join(t.TempDir(), "d")
	for name, text := range map[string]string{"a": "small", "b": big, "gone": big + big, "z": ""} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	inBubble(t, func(w *world) {
		a, tr, _ := w.paged()
		w.hashed(&tr, dir, func() { w.must(os.Remove(filepath.Join(dir, "gone"))) })
		entries, cut := w.readSkeleton(w.read(w.skeletonOf(w.ctx, a.p, tr)))
		book := pages.NewBook(w.pageTerms(tr), tr.Pages, len(entries), w.key.Public(), cut)
		raw := w.read(w.pagesOf(w.ctx, a.p, tr, 0))
		for len(raw) > 0 {
			n := int(raw[0])<<16 | int(raw[1])<<8 | int(raw[2])
			_, err := book.Add(raw[3 : 3+n])
			w.must(err)
			raw = raw[3+n:]
		}
		if !book.Final() || book.VoidFiles() != 1 {
			t.Fatalf("final: %v, %d void", book.Final(), book.VoidFiles())
		}
		got, stream := make([]byte, tr.Bytes), w.read(w.streamOf(w.ctx, a.p, tr, protocol.Range{Count: uint32(tr.Blocks)}))
		blocks := 0
		for ; len(stream) > 0; blocks++ {
			n := binary.BigEndian.Uint32(stream)
			offset, length := cut.Block(n)
			if !book.Verify(n, stream[4:4+length]) {
				t.Fatalf("block %d is not what its page says", n)
			}
			copy(got[offset:], stream[4:4+length])
			stream = stream[4+length:]
		}
		if gone := (2*len(big) + protocol.BlockSize - 1) / protocol.BlockSize; blocks != tr.Blocks-gone {
			t.Errorf("%d blocks of %d, of which %d are void", blocks, tr.Blocks, gone)
		}
		for i, e := range entries {
			offset, size, ok := cut.Place(uint32(i))
			want := map[string]string{"d/a": "small", "d/b": big, "d/z": ""}[e.Path]
			if ok && e.Path != "d/gone" && string(got[offset:offset+size]) != want {
				t.Errorf("%s is not what it was", e.Path)
			}
		}
	})
}
