package archive

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// history is a database and a library of so many transfers: transfer n held files n/0.txt, n/1.txt …
type history struct {
	transfers int
	files     int
	gone      func(no int) bool // its content; its list is in the database then
	broken    func(no int) bool // its list cannot be read
	fails     error
	now       time.Time
	each      time.Duration // that reading one list takes
}

func (h *history) TransfersBefore(
	_ context.Context, no protocol.TransferNo, limit int,
) (out []store.Transfer, err error) {
	if h.fails != nil {
		return nil, h.fails
	}
	from := h.transfers
	if no > 0 {
		from = int(no) - 1
	}
	for n := from; n > 0 && len(out) < limit; n-- {
		tr := store.Transfer{Content: fmt.Sprint(n), ContentGone: h.gone(n)}
		tr.No, tr.Group, tr.Verified = protocol.TransferNo(n), "lab", 3
		out = append(out, tr)
	}
	return out, nil
}

func (h *history) HeldFiles(
	_ context.Context, no protocol.TransferNo, w groupcast.Window,
) (out groupcast.Page[groupcast.FileEntry], err error) {
	h.now = h.now.Add(h.each)
	for i := w.From; i < min(h.files, w.From+w.Limit); i++ {
		out.Rows = append(out.Rows, groupcast.FileEntry{Path: fmt.Sprintf("%d/%d.txt", no, i), Kind: "file"})
	}
	out.Rows = append(out.Rows[:len(out.Rows):len(out.Rows)], groupcast.FileEntry{Path: "folder.txt", Kind: "folder"})
	return out, nil
}

func (h *history) Files(id string, w groupcast.Window) (files []manifest.File, total int, err error) {
	h.now = h.now.Add(h.each)
	var n int
	fmt.Sscan(id, &n)
	if h.broken(n) {
		return nil, 0, errors.New("it cannot be read")
	}
	for i := w.From; i < min(h.files, w.From+w.Limit); i++ {
		files = append(files, manifest.File{
			Path: fmt.Sprintf("%d/%d.txt", n, i), Kind: manifest.KindFile,
			Size: uint64(i),
		})
	}
	return files, h.files, nil
}

func past(transfers, files int) *history {
	no := func(int) bool { return false }
	return &history{transfers: transfers, files: files, gone: no, broken: no, now: time.Unix(1, 0)}
}

func (h *history) find(t *testing.T, name string, before, limit int) groupcast.SentFiles {
	t.Helper()
	out, err := Find(t.Context(), h, h, func() time.Time { return h.now },
		groupcast.SentFileQuery{Name: name, Before: protocol.TransferNo(before), Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFilesAreFoundNewestFirst(t *testing.T) {
	h := past(120, 3)
	h.gone = func(n int) bool { return n%2 == 0 }
	got := h.find(t, "/1.TXT", 0, 0)
	if len(got.Rows) != 120 || got.Before != 0 {
		t.Fatalf("%d files, go on below %d", len(got.Rows), got.Before)
	}
	for i, f := range got.Rows {
		if want := protocol.TransferNo(120 - i); f.Transfer != want || f.Group != "lab" || f.Verified != 3 {
			t.Fatalf("row %d is of transfer %d: %+v", i, want, f)
		}
	}
	if got := h.find(t, "nothing of it", 0, 0); len(got.Rows) != 0 || got.Before != 0 {
		t.Errorf("nothing is called like that: %+v", got)
	}
}

func TestASearchGoesOnWhereItEnded(t *testing.T) {
	h := past(130, 2)
	seen := map[string]bool{}
	for before, turns := 0, 0; ; turns++ {
		got := h.find(t, ".txt", before, 20)
		for _, f := range got.Rows {
			if seen[f.Path] {
				t.Fatalf("%s twice", f.Path)
			}
			seen[f.Path] = true
		}
		if before = int(got.Before); before == 0 || turns > 100 {
			break
		}
	}
	if len(seen) != 260 {
		t.Errorf("%d of 260 files", len(seen))
	}
}

func TestASearchEndsInTime(t *testing.T) {
	h := past(100, 1)
	h.each = 300 * time.Millisecond
	got := h.find(t, "no such file", 0, 0)
	if got.Before == 0 || got.Before < 90 {
		t.Errorf("it looked at transfers down to %d", got.Before)
	}
}

func TestOneTransferGivesSoMany(t *testing.T) {
	h := past(1, 3*maxFiles)
	for _, gone := range []bool{false, true} {
		h.gone = func(int) bool { return gone }
		if got := h.find(t, "txt", 0, 0); len(got.Rows) != maxFiles {
			t.Errorf("content gone %v: %d files", gone, len(got.Rows))
		}
	}
}

func TestAListThatCannotBeReadHidesNoOther(t *testing.T) {
	h := past(3, 1)
	h.broken = func(n int) bool { return n == 2 }
	if got := h.find(t, "txt", 0, 0); len(got.Rows) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestAStoreThatFailsIsNoEmptyAnswer(t *testing.T) {
	h := past(3, 1)
	h.fails = errors.New("disk full")
	_, err := Find(t.Context(), h, h, func() time.Time { return h.now }, groupcast.SentFileQuery{Name: "x"})
	if !errors.Is(err, h.fails) {
		t.Errorf("%v", err)
	}
}
