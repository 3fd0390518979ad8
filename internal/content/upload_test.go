package content

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

func uploads(t *testing.T, l UploadLimits) *Uploads {
	t.Helper()
	u, err := OpenUploads(filepath.Join(t.TempDir(), "uploads"), l)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

var declared = []manifest.File{
	{Path: "d/small", Mode: 0o600, MTime: 7, Size: 10},
	{Kind: manifest.KindFolder, Path: "d", Mode: 0o755},
	{Path: "d/big", Size: 200_000, Digest: protocol.Digest{1}},
	{Path: "none"},
	{Kind: manifest.KindSymlink, Path: "d/link", Target: "big"},
}

func TestUploadFromBeginningToEnd(t *testing.T) {
	u := uploads(t, UploadLimits{})
	if err := u.Create("u1", "boss", declared); err != nil {
		t.Fatal(err)
	}
	big := noise(200_000, "big")
	for _, part := range []struct {
		path     string
		from, to int
		data     []byte
	}{{"d/big", 0, 70_000, big}, {"d/small", 0, 10, big}, {"d/big", 70_000, 200_000, big}} {
		n, err := u.Write("u1", part.path, uint64(part.from), bytes.NewReader(part.data[part.from:part.to]))
		if err != nil || int(n) != part.to {
			t.Fatalf("%s from %d: %d, %v", part.path, part.from, n, err)
		}
		if _, err := u.Complete("u1"); (err == nil) != (part.from > 0) {
			t.Fatalf("after %s to %d: %v", part.path, part.to, err)
		}
	}
	tree, err := u.Complete("u1")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Build(ctx, tree, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := paths(tree), "d/ d/big d/link@ d/small none"; got != want || m.Files[3].MTime != 7 ||
		m.Files[3].Mode != 0o600 {
		t.Errorf("%s, %+v", got, m.Files[3])
	}
	l, _ := manifest.LayoutOf(m)
	s, err := NewSource(l, tree.Place)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	buf := make([]byte, protocol.BlockSize)
	if n, err := s.ReadBlock(l.FirstStream(), buf); err != nil || !bytes.Equal(buf[:n], append(big, big[:10]...)) {
		t.Errorf("%d bytes: %v", n, err)
	}
	if _, err := u.Write("u1", "d/big", 200_000, strings.NewReader("x")); groupcast.ErrorCode(err) != groupcast.EConflict {
		t.Errorf("a complete upload was written to: %v", err)
	}
}

func TestUploadRefuses(t *testing.T) {
	u := uploads(t, UploadLimits{MaxBytes: 1000, MaxOpen: 2})
	one := []manifest.File{{Path: "f", Size: 600}}
	for what, err := range map[string]error{
		"an ID that is a path": u.Create("../x", "boss", one),
		"a path that leaves":   u.Create("a", "boss", []manifest.File{{Path: "../f"}}),
		"one path twice":       u.Create("a", "boss", []manifest.File{{Path: "f"}, {Path: "f"}}),
		"too many bytes":       u.Create("a", "boss", []manifest.File{{Path: "f", Size: 1001}}),
		"setuid":               u.Create("a", "boss", []manifest.File{{Path: "f", Mode: 0o4755}}),
	} {
		t.Run(what, func(t *testing.T) {
			if err == nil {
				t.Errorf("%s was accepted", what)
			}
		})
	}
	if err := u.Create("a", "boss", one); err != nil {
		t.Fatal(err)
	}
	if err := u.Create("b", "boss", one); groupcast.ErrorCode(err) != groupcast.EExhausted {
		t.Errorf("quota of bytes: %v", err)
	}
	if err := u.Create("b", "boss", one[:0]); err != nil {
		t.Fatal(err)
	}
	if err := u.Create("c", "boss", one[:0]); groupcast.ErrorCode(err) != groupcast.EExhausted {
		t.Errorf("quota of uploads: %v", err)
	}
	if _, err := u.Write("a", "f", 5, strings.NewReader("x")); groupcast.ErrorCode(err) != groupcast.EConflict ||
		!strings.Contains(err.Error(), "byte 0") {
		t.Errorf("a gap: %v", err)
	}
	if _, err := u.Write("a", "g", 0, strings.NewReader("x")); groupcast.ErrorCode(err) != groupcast.ENotFound {
		t.Errorf("a file that was not declared: %v", err)
	}
	if n, err := u.Write("a", "f", 0, bytes.NewReader(make([]byte, 601))); n != 600 ||
		groupcast.ErrorCode(err) != groupcast.EInvalid {
		t.Errorf("more than declared: %d, %v", n, err)
	}
	if err := u.Remove("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Have("a"); groupcast.ErrorCode(err) != groupcast.ENotFound {
		t.Errorf("removed: %v", err)
	}
	if err := u.Create("c", "boss", one); err != nil {
		t.Errorf("after the removal: %v", err)
	}
}

// broken gives some bytes, then fails as a lost connection does.
type broken struct{ io.Reader }

var errLost = errors.New("connection lost")

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = errLost
	}
	return n, err
}

func TestUploadGoesOnWhereItWas(t *testing.T) {
	u := uploads(t, UploadLimits{})
	if err := u.Create("a", "boss", declared); err != nil {
		t.Fatal(err)
	}
	if n, err := u.Write("a", "d/big", 0, broken{bytes.NewReader(make([]byte, 100_000))}); n != 100_000 ||
		!errors.Is(err, errLost) {
		t.Fatalf("%d, %v", n, err)
	}
	if _, err := u.Write("a", "d/small", 0, strings.NewReader("four")); err != nil {
		t.Fatal(err)
	}
	have := func(u *Uploads) []uint64 {
		t.Helper()
		have, err := u.Have("a")
		if err != nil {
			t.Fatal(err)
		}
		return []uint64{have[1], have[3]}
	}
	reopen := func() *Uploads {
		t.Helper()
		again, err := OpenUploads(u.dir, UploadLimits{})
		if err != nil {
			t.Fatal(err)
		}
		return again
	}
	if got := have(reopen()); got[0] != 100_000 || bootID() != "" && got[1] != 4 {
		t.Errorf("%v: the server was killed, the machine was not: all that came is there", got)
	}
	last := reopen()
	if err := last.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := last.Write("a", "d/big", 100_000,
		strings.NewReader("x")); groupcast.ErrorCode(err) != groupcast.EUnavailable {
		t.Errorf("written to after the end: %v", err)
	}
	anotherRun := func() {
		t.Helper()
		if err := os.WriteFile(filepath.Join(u.dir, bootName), []byte("another run"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	anotherRun()
	if got := have(reopen()); got[0] != 100_000 || bootID() != "" && got[1] != 4 {
		t.Errorf("%v: the server was stopped in order before the machine was", got)
	}
	anotherRun()
	if got := have(reopen()); got[0] != 100_000 || got[1] != 0 {
		t.Errorf("%v: the power went: the big file goes on, the small one begins anew", got)
	}
}

// limited is a disk with so much room.
type limited struct{ left uint64 }

func (l *limited) Fits(bytes uint64) error {
	if bytes > l.left {
		return groupcast.Errorf(groupcast.EExhausted, "the server's disk is full")
	}
	return nil
}

func TestAnUploadThatCannotFitIsRefusedAtOnce(t *testing.T) {
	room := &limited{left: 1 << 20}
	u := uploads(t, UploadLimits{Room: room})
	big := func(n uint64) []manifest.File { return []manifest.File{{Path: "f", Size: n}} }
	if err := u.Create("a", "boss", big(1<<20+1)); groupcast.ErrorCode(err) != groupcast.EExhausted {
		t.Fatalf("more than there is: %v", err)
	}
	if ids, _ := u.List(); len(ids) != 0 {
		t.Errorf("what was refused left %v", ids)
	}
	if err := u.Create("a", "boss", big(600<<10)); err != nil {
		t.Fatal(err)
	}
	if err := u.Create("b", "boss", big(600<<10)); groupcast.ErrorCode(err) != groupcast.EExhausted {
		t.Errorf("more than the unfinished one leaves: %v", err)
	}
	if n, err := u.Write("a", "f", 0, bytes.NewReader(make([]byte, 500<<10))); err != nil || n != 500<<10 {
		t.Fatal(n, err)
	}
	room.left -= 500 << 10
	again, err := OpenUploads(u.dir, UploadLimits{Room: room}) // what is still to come is known after a restart, too
	if err != nil {
		t.Fatal(err)
	}
	for what, u := range map[string]*Uploads{"before": u, "after a restart": again} {
		if err := u.Create("c", "boss", big(430<<10)); groupcast.ErrorCode(err) != groupcast.EExhausted {
			t.Errorf("%s: more than is left: %v", what, err)
		}
		if err := u.Create("c", "boss", big(400<<10)); err != nil {
			t.Errorf("%s: what fits: %v", what, err)
		}
		if err := u.Remove("c"); err != nil {
			t.Error(err)
		}
	}
	room.left = 10 << 10 // another program took the rest
	n, err := again.Write("a", "f", 500<<10, bytes.NewReader(make([]byte, 100<<10)))
	if groupcast.ErrorCode(err) != groupcast.EExhausted || n >= 600<<10 {
		t.Errorf("%d bytes, %v: the upload took what is kept free", n, err)
	}
	room.left = 1 << 20
	if n, err = again.Write("a", "f", n, bytes.NewReader(make([]byte, 600<<10-n))); err != nil || n != 600<<10 {
		t.Errorf("with room again: %d, %v", n, err)
	}
}

func TestHalfDeclaredUploadIsSweptAtStart(t *testing.T) {
	u := uploads(t, UploadLimits{})
	if err := os.MkdirAll(filepath.Join(u.dir, "half", "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	again, err := OpenUploads(u.dir, UploadLimits{})
	if err != nil {
		t.Fatal(err)
	}
	if ids, _ := again.List(); len(ids) != 0 {
		t.Errorf("%v", ids)
	}
}
