package apiclient_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
)

// uploads is a service that keeps what is uploaded, and breaks off now and then.
type uploads struct {
	*httpapitest.Service
	mu      sync.Mutex
	up      groupcast.Upload
	data    map[string][]byte
	breakAt int  // accept so many bytes of the next request, then fail; 0: never
	done    bool // CompleteUpload came
}

func (u *uploads) CreateUpload(
	_ context.Context, _ groupcast.Principal, entries []groupcast.UploadEntry,
) (groupcast.Upload, error) {
	u.up, u.data = groupcast.Upload{ID: "u1", Entries: entries}, map[string][]byte{}
	return u.state(), nil
}

func (u *uploads) state() groupcast.Upload {
	out := groupcast.Upload{ID: u.up.ID}
	for _, e := range u.up.Entries {
		e.Offset = uint64(len(u.data[e.Path]))
		out.Entries = append(out.Entries, e)
	}
	return out
}

func (u *uploads) Upload(context.Context, groupcast.Principal, string) (groupcast.Upload, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.state(), nil
}

func (u *uploads) WriteUpload(
	_ context.Context, _ groupcast.Principal, _, path string, offset uint64, r io.Reader,
) (groupcast.UploadEntry, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if offset != uint64(len(u.data[path])) {
		return groupcast.UploadEntry{}, groupcast.Errorf(groupcast.EConflict, "wrong offset")
	}
	if n := u.breakAt; n > 0 {
		u.breakAt = 0
		b, _ := io.ReadAll(io.LimitReader(r, int64(n)))
		u.data[path] = append(u.data[path], b...)
		return groupcast.UploadEntry{}, groupcast.Errorf(groupcast.EUnavailable, "busy")
	}
	b, err := io.ReadAll(r)
	u.data[path] = append(u.data[path], b...)
	return groupcast.UploadEntry{Path: path, Offset: uint64(len(u.data[path]))}, err
}

func (u *uploads) CompleteUpload(context.Context, groupcast.Principal, string) (groupcast.Upload, error) {
	u.done = true
	return u.state(), nil
}

// plant writes a small tree: a folder with files, an empty folder, an empty file, a link.
func plant(t *testing.T) (dir string, files map[string][]byte) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "site")
	files = map[string][]byte{
		"site/big.bin":     bytes.Repeat([]byte("0123456789abcdef"), 100_000),
		"site/sub/ünï.txt": []byte("short"),
		"site/empty":       {},
	}
	if err := os.MkdirAll(filepath.Join(dir, "sub", "void"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(filepath.Dir(dir), name), b, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("big.bin", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	return dir, files
}

func TestUploadPaths(t *testing.T) {
	dir, files := plant(t)
	s := &uploads{Service: httpapitest.New(), breakAt: 54_321}
	c := newWorldOf(t, s.Service, s).client(t, "cli-admin")
	var last apiclient.UploadProgress
	_, err := c.UploadPaths(t.Context(), &apiclient.Selection{Paths: []string{dir}}, func(p apiclient.UploadProgress) {
		// What was on its way when the connection broke is on its way again: it falls back to
		// what the server holds, and nowhere else.
		if p.Bytes < last.Bytes && p.Bytes != 54_321 || p.Total != 1_600_005 {
			t.Errorf("progress went from %+v to %+v", last, p)
		}
		last = p
	})
	if err != nil {
		t.Fatal(err)
	}
	if !s.done || last.Bytes != last.Total || last.Files != 3 {
		t.Errorf("complete: %v, last progress %+v", s.done, last)
	}
	for name, want := range files {
		if !bytes.Equal(s.data[name], want) {
			t.Errorf("%s: %d bytes arrived, want %d", name, len(s.data[name]), len(want))
		}
	}
	var kinds []string
	for _, e := range s.up.Entries {
		kinds = append(kinds, e.Kind+" "+e.Path+" "+e.Target)
	}
	want := "folder site ,file site/big.bin ,file site/empty ,symlink site/link big.bin,folder site/sub ,folder " +
		"site/sub/void ,file site/sub/ünï.txt "
	if got := strings.Join(kinds, ","); got != want {
		t.Errorf("declared\n%s, want\n%s", got, want)
	}
}

func TestResumeUpload(t *testing.T) {
	dir, files := plant(t)
	s := &uploads{Service: httpapitest.New()}
	c := newWorldOf(t, s.Service, s).client(t, "cli-admin")
	if _, err := c.UploadPaths(t.Context(), &apiclient.Selection{Paths: []string{dir}}, nil); err != nil {
		t.Fatal(err)
	}
	s.data["site/big.bin"] = s.data["site/big.bin"][:70_000] // as an interrupted run leaves it
	var first apiclient.UploadProgress
	_, err := c.ResumeUpload(t.Context(), "u1", &apiclient.Selection{Paths: []string{dir}},
		func(p apiclient.UploadProgress) {
			if first.Path == "" {
				first = p
			}
		})
	if err != nil || first.Bytes != 70_000 || !bytes.Equal(s.data["site/big.bin"], files["site/big.bin"]) {
		t.Errorf("went on at %+v, %v, %d bytes", first, err, len(s.data["site/big.bin"]))
	}
	if err := os.WriteFile(filepath.Join(dir, "more"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ResumeUpload(t.Context(), "u1", &apiclient.Selection{Paths: []string{dir}},
		nil); groupcast.ErrorCode(err) != groupcast.EConflict {
		t.Errorf("after a change: %v", err)
	}
}

func TestUploadsThatCannotBe(t *testing.T) {
	dir, _ := plant(t)
	fresh := filepath.Join(t.TempDir(), "site")
	if err := os.Mkdir(fresh, 0o755); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		paths []string
		code  groupcast.Code
		say   string
	}{
		"nothing":      {nil, groupcast.EInvalid, "nothing to upload"},
		"no such file": {[]string{filepath.Join(dir, "none")}, groupcast.ENotFound, "no file or folder"},
		"twice":        {[]string{dir, fresh}, groupcast.EInvalid, "would both be called site"},
	}
	if runtime.GOOS == "linux" {
		cases["a device"] = struct {
			paths []string
			code  groupcast.Code
			say   string
		}{[]string{"/dev/null"}, groupcast.EInvalid, "1 entry cannot be sent"}
	}
	s := &uploads{Service: httpapitest.New()}
	c := newWorldOf(t, s.Service, s).client(t, "cli-admin")
	for name, k := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := c.UploadPaths(t.Context(), &apiclient.Selection{Paths: k.paths}, nil)
			if groupcast.ErrorCode(err) != k.code || !strings.Contains(err.Error(), k.say) {
				t.Errorf("%s: got %v, want %s, %q", name, err, k.code, k.say)
			}
		})
	}
	if s.up.ID != "" {
		t.Error("an upload was begun all the same")
	}
}

func TestSourceThatShrinks(t *testing.T) {
	dir, _ := plant(t)
	big := filepath.Join(dir, "big.bin")
	old := time.Now()
	s := &uploads{Service: httpapitest.New()}
	c := newWorldOf(t, s.Service, s).client(t, "cli-admin")
	_, err := c.UploadPaths(t.Context(), &apiclient.Selection{Paths: []string{dir}}, func(p apiclient.UploadProgress) {
		if p.Path == "site/big.bin" && p.Bytes == 0 { // opened, nothing sent
			if os.Truncate(big, 1000) != nil || os.Chtimes(big, old, old) != nil {
				t.Error("cannot shrink")
			}
		}
	})
	if groupcast.ErrorCode(err) != groupcast.EInvalid || !strings.Contains(err.Error(), "changed while") {
		t.Errorf("got %v", err)
	}
	if s.done {
		t.Error("the upload was completed")
	}
}
