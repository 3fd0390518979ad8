package agent_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// tampered is what becomes of a server's answers about paged transfers before a device has them.
type tampered func(what string, answer io.Reader) io.Reader

func (b between) tampered(what string, body io.ReadCloser, err error) (io.ReadCloser, error) {
	if err != nil || b.w.tamper == nil {
		return body, err
	}
	return struct {
		io.Reader
		io.Closer
	}{b.w.tamper(what, body), body}, nil
}

func (b between) Skeleton(ctx context.Context, p groupcast.Principal, no protocol.TransferNo) (io.ReadCloser, error) {
	body, err := b.Service.Skeleton(ctx, p, no)
	return b.tampered("skeleton", body, err)
}

func (b between) TransferPages(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, from protocol.PageNo,
) (io.ReadCloser, error) {
	body, err := b.Service.TransferPages(ctx, p, no, from)
	return b.tampered("pages", body, err)
}

func (b between) Stream(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, asked protocol.Range,
) (io.ReadCloser, error) {
	body, err := b.Service.Stream(ctx, p, no, asked)
	return b.tampered("stream", body, err)
}

// pagedFolder makes a folder with a large file, a hundred small ones, an empty one, a link and an empty folder.
func (w *world) pagedFolder(name string) (path string, files map[string][]byte) {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), name)
	check(w.t, os.MkdirAll(filepath.Join(dir, "empty"), 0o755))
	files = map[string][]byte{"big.bin": random(3 << 20), "none": nil}
	for i := range 100 {
		files["small/"+string(rune('a'+i/10))+string(rune('0'+i%10))] = random(100 + 97*i)
	}
	for name, data := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		check(w.t, os.MkdirAll(filepath.Dir(at), 0o755))
		check(w.t, os.WriteFile(at, data, 0o644))
	}
	check(w.t, os.Symlink("big.bin", filepath.Join(dir, "link")))
	return dir, files
}

func (d *device) hasFolder(name string, files map[string][]byte) (lacks string) {
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(d.cfg.Dir, d.w.group, name, filepath.FromSlash(path)))
		if err != nil || !bytes.Equal(got, want) {
			return path
		}
	}
	return ""
}

// once changes the first answer of a kind.
func once(what string, change func(io.Reader) io.Reader) func() tampered {
	return func() tampered {
		var done atomic.Bool
		return func(of string, answer io.Reader) io.Reader {
			if of != what || done.Swap(true) {
				return answer
			}
			return change(answer)
		}
	}
}

func cut(n int64) func(io.Reader) io.Reader {
	return func(r io.Reader) io.Reader { return io.LimitReader(r, n) }
}

func flip(at int) func(io.Reader) io.Reader {
	return func(r io.Reader) io.Reader {
		all, _ := io.ReadAll(r)
		if at < len(all) {
			all[at] ^= 1
		}
		return bytes.NewReader(all)
	}
}

func twice(r io.Reader) io.Reader {
	all, _ := io.ReadAll(r)
	return bytes.NewReader(append(bytes.Clone(all), all...))
}

// A paged transfer comes whole, by multicast and over HTTPS alone, and over HTTPS also while a server's answers are
// cut off, come twice as long, or are not what they should be: each is asked for again.
func TestAPagedTransferComesWhole(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		via    groupcast.Via
		tamper func() tampered
	}{
		"by multicast":               {},
		"over HTTPS":                 {via: groupcast.ViaHTTPS},
		"a skeleton that is cut off": {groupcast.ViaHTTPS, once("skeleton", cut(100))},
		"another skeleton":           {groupcast.ViaHTTPS, once("skeleton", flip(60))},
		"a page that is cut off":     {groupcast.ViaHTTPS, once("pages", cut(250))},
		"a page that is not signed":  {groupcast.ViaHTTPS, once("pages", flip(200))},
		"pages that come twice":      {groupcast.ViaHTTPS, once("pages", twice)},
		"a stream that is cut off":   {groupcast.ViaHTTPS, once("stream", cut(300_000))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.tamper != nil {
				w.tamper = c.tamper()
			}
			a := w.enrol("anna", true).run()
			path, files := w.pagedFolder("tree")
			tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Via: c.via})
			got := w.until(tr, "anna", groupcast.DeliveryVerified)
			if lacks := a.hasFolder("tree", files); lacks != "" {
				t.Errorf("%s is not there as it was sent", lacks)
			}
			target, err := os.Readlink(filepath.Join(a.cfg.Dir, w.group, "tree", "link"))
			if err != nil || target != "big.bin" {
				t.Errorf("the link leads to %q, %v", target, err)
			}
			shown, err := w.server.Transfer(t.Context(), local, tr.No)
			paged := shown.Root != (protocol.Digest{}) && shown.FileHash == groupcast.BLAKE3
			if err != nil || !paged || got.Missing+got.Beside > 0 {
				t.Errorf("%+v, %+v, %v", shown, got, err)
			}
		})
	}
}

// A transfer of nothing but empty files and folders has no blocks: its pages are all that comes.
func TestAPagedTransferOfNothing(t *testing.T) {
	w := newWorld(t)
	a, b := w.enrol("anna", true).run(), w.enrol("bert", true).run()
	dir := filepath.Join(t.TempDir(), "hollow")
	check(t, os.MkdirAll(filepath.Join(dir, "folder"), 0o755))
	for _, name := range []string{"one", "two", "folder/three"} {
		check(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
	tr := w.send(groupcast.NewTransfer{Paths: []string{dir}, Now: true, Via: groupcast.ViaMulticast})
	for _, d := range []*device{a, b} {
		w.until(tr, d.name, groupcast.DeliveryVerified)
		if lacks := d.hasFolder("hollow", map[string][]byte{"one": nil, "two": nil, "folder/three": nil}); lacks != "" {
			t.Errorf("%s lacks %s", d.name, lacks)
		}
	}
}

// A device that ends at any moment goes on where it was, and nothing that it had is wrong.
func TestAPagedTransferGoesOnAfterRestarts(t *testing.T) {
	w := newWorld(t)
	a := w.enrol("anna", true).run() // so that the server knows what it speaks
	path, files := w.pagedFolder("tree")
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Rate: 8_000_000})
	for n := 1; ; n++ {
		time.Sleep(time.Duration(n) * 120 * time.Millisecond)
		check(t, a.end())
		if w.delivery(tr, "anna").State == groupcast.DeliveryVerified {
			break
		}
		if n == 40 {
			t.Fatalf("it is %+v", w.delivery(tr, "anna"))
		}
		a.run()
	}
	if lacks := a.hasFolder("tree", files); lacks != "" {
		t.Errorf("%s is not there as it was sent", lacks)
	}
	if a.staged() || tr.FileHash != groupcast.BLAKE3 {
		t.Errorf("something of it is still staged, or it is not paged: %+v", tr)
	}
}

// A server whose blocks are always cut off is given up for now, in words, and asked again later.
func TestBlocksThatAreAlwaysCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tamper = func(of string, answer io.Reader) io.Reader {
		if of != "stream" {
			return answer
		}
		return io.MultiReader(io.LimitReader(answer, 1000), errReader{errors.New("cut")})
	}
	a := w.enrol("anna", true).run()
	path, _ := w.file("one.bin", 500_000)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Via: groupcast.ViaHTTPS})
	w.await("the agent to give up for now", func() bool { return a.count("failed") > 0 })
	if text := a.said("failed").Text; !strings.Contains(text, "tried again") {
		t.Errorf("said: %s", text)
	}
	w.tamper = nil
	w.until(tr, "anna", groupcast.DeliveryVerified)
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

func random(n int) []byte {
	data := make([]byte, n)
	rand.Read(data)
	return data
}
