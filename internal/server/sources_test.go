package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/store"
)

// files makes a folder of files outside the server's home.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// withContent is a world whose transfers have content.
func withContent(t *testing.T, give map[string]string, f func(w *world, dir string)) {
	t.Helper()
	dir := files(t, give)
	inBubble(t, func(w *world) {
		w.openSource = func(_ context.Context, tr store.Transfer) (content.Blocks, error) { return w.content.Open(tr.Content) }
		w.group("g")
		f(w, dir)
	})
}

func TestFilesOfTheServersOwnDisk(t *testing.T) {
	withContent(t, map[string]string{"d/a": "hello", "d/b/c": "world"}, func(w *world, dir string) {
		a := w.enrol("ann", "g").attach()
		tr, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Paths: []string{filepath.Join(dir, "d")}, Now: true})
		w.must(err)
		if tr.Name != "d" || tr.Bytes != 10 || !tr.InPlace {
			t.Fatalf("%+v", tr)
		}
		list, err := rows(w.Files(w.ctx, local, tr.No, groupcast.Window{}))
		w.must(err)
		var paths []string
		for _, f := range list {
			paths = append(paths, f.Kind+" "+f.Path)
		}
		if got := strings.Join(paths, ", "); got != "folder d, file d/a, folder d/b, file d/b/c" {
			t.Fatalf("files: %s", got)
		}
		o := a.offered()
		_, err = a.ready(o)
		w.must(err)
		raw := w.read(w.Manifest(w.ctx, a.p, tr.No))
		if m, err := manifest.Parse(raw); err != nil || len(m.Files) != 4 || tr.Files != 2 || tr.Folders != 2 || uint64(len(raw)) != o.ManifestBytes {
			t.Fatalf("manifest of %d bytes: %v", len(raw), err)
		}
		if got := string(w.read(w.Blocks(w.ctx, a.p, tr.No, 2, uint32(tr.Blocks)))); got != "helloworld" {
			t.Fatalf("blocks: %q", got)
		}
		w.must(a.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		if _, err := os.Stat(filepath.Join(dir, "d/a")); err != nil {
			t.Fatalf("the administrator's own file is gone: %v", err)
		}
		if now, err := w.store.Transfer(w.ctx, tr.No); err != nil || !now.ContentGone {
			t.Fatalf("content that nobody is owed is kept: %v", err)
		}
		if held, err := w.Files(w.ctx, local, tr.No, groupcast.Window{From: 1, Limit: 2}); err != nil || held.Total != 4 || len(held.Rows) != 2 || held.Rows[0].Path != "d/a" {
			t.Fatalf("what it held is not known any more: %+v, %v", held, err)
		}
	})
}

// The number is drawn with the promise, after the hashing: one that takes longer than a later
// one, or comes to nothing, is not the older of the two.
func TestANumberIsDrawnWhenItIsPromised(t *testing.T) {
	withContent(t, map[string]string{"a": "1", "b": "2"}, func(w *world, dir string) {
		w.enrol("ann", "g")
		g, err := w.store.Group(w.ctx, "g")
		w.must(err)
		slow := groupcast.NewTransfer{Group: "g", Paths: []string{filepath.Join(dir, "a")}}
		w.must(checkTransfer(&slow))
		hashed, err := w.makes(slow)
		w.must(err)
		_, err = w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Paths: []string{filepath.Join(dir, "none")}})
		if err == nil {
			t.Fatal("a path that is not there was added")
		}
		quick, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Paths: []string{filepath.Join(dir, "b")}})
		w.must(err)
		w.delivery.Sweep(w.ctx) // what is just being made is nobody's leftover
		late, err := w.promise(w.ctx, local, w.newTransfer(local, g, slow, hashed), false)
		w.must(err)
		if quick.No != 1 || late.No != 2 {
			t.Errorf("numbers %d and %d, want 1 and 2", quick.No, late.No)
		}
		if _, err := rows(w.Files(w.ctx, local, late.No, groupcast.Window{})); err != nil {
			t.Errorf("the content of the slow one: %v", err)
		}
	})
}

// makes gives the content of a new transfer that nobody has yet.
func (w *world) makes(n groupcast.NewTransfer) (content.Built, error) {
	tree, err := w.content.Find(w.ctx, n, content.Allowed{Any: true})
	if err != nil {
		return content.Built{}, err
	}
	return w.content.Make(w.ctx, tree, n)
}

func TestContentOfNoTransferGoes(t *testing.T) {
	withContent(t, map[string]string{"a": "1"}, func(w *world, dir string) {
		n := groupcast.NewTransfer{Group: "g", Paths: []string{filepath.Join(dir, "a")}}
		b, err := w.makes(n)
		w.must(err)
		w.content.Made(b.Content) // as after a crash
		w.delivery.Sweep(w.ctx)
		if _, err := os.Stat(filepath.Join(w.dir, "content", b.Content)); err == nil {
			t.Error("content that a crash left behind is kept")
		}
	})
}

func (w *world) read(r io.ReadCloser, err error) []byte {
	w.Helper()
	w.must(err)
	b, err := io.ReadAll(r)
	w.must(errors.Join(err, r.Close()))
	return b
}

func TestPathsAreForTheLocalAdministratorOrBelowSource(t *testing.T) {
	withContent(t, map[string]string{"src/a": "a", "secret": "s"}, func(w *world, dir string) {
		w.must(os.Symlink(filepath.Join(dir, "secret"), filepath.Join(dir, "src", "link")))
		_, err := w.AddUser(w.ctx, local, groupcast.NewUser{Name: "ada", Role: groupcast.RoleAdmin, Password: password})
		w.must(err)
		remote := w.login("ada").cli
		add := func(p groupcast.Principal, path string) error {
			_, err := w.AddTransfer(w.ctx, p, groupcast.NewTransfer{Group: "g", Paths: []string{path}})
			return err
		}
		if err := add(remote, filepath.Join(dir, "src/a")); groupcast.ErrorCode(err) != groupcast.EForbidden {
			t.Errorf("a path over the network without --source: %v", err)
		}
		w.cfg.Sources = []string{filepath.Join(dir, "src")}
		for path, ok := range map[string]bool{
			filepath.Join(dir, "src/a"): true, "a": true,
			filepath.Join(dir, "secret"): false, "../secret": false, filepath.Join(dir, "src/../secret"): false, "/etc/hostname": false,
		} {
			if err := add(remote, path); (err == nil) != ok {
				t.Errorf("over the network %s: %v", path, err)
			}
		}
		// A link is sent as a link, never followed: this one leads out and is refused.
		if err := add(remote, "link"); err == nil {
			t.Error("a link that leads out of --source was sent")
		}
		w.must(os.WriteFile(filepath.Join(w.dir, "ca.key"), []byte("key"), 0o600))
		if err := add(local, filepath.Join(w.dir, "ca.key")); err == nil {
			t.Error("the CA's key was sent")
		}
		w.must(os.Link(filepath.Join(w.dir, "ca.key"), filepath.Join(dir, "src", "innocent")))
		for _, p := range []groupcast.Principal{remote, local} {
			if err := add(p, filepath.Join(dir, "src", "innocent")); groupcast.ErrorCode(err) != groupcast.EForbidden {
				t.Errorf("a hard link to the CA's key: %v", err)
			}
			n := groupcast.NewTransfer{Group: "g", Paths: []string{filepath.Join(dir, "src")}, Copy: true, SkipBad: true}
			if p.Local {
				tr, err := w.AddTransfer(w.ctx, p, n)
				if w.must(err); tr.Files != 1 || tr.LeftOut != 2 {
					t.Errorf("of a folder with the link in it: %+v", tr)
				}
			}
		}
		if err := add(local, filepath.Join(dir, "no such file")); groupcast.ErrorCode(err) == groupcast.EInternal {
			t.Errorf("no such file: %v", err)
		}
	})
}

func TestUploadsBecomeTransfers(t *testing.T) {
	withContent(t, nil, func(w *world, _ string) {
		a := w.enrol("ann", "g").attach()
		u, err := w.CreateUpload(w.ctx, local, []groupcast.UploadEntry{{Path: "d", Kind: "folder", Mode: 0o755}, {Path: "d/f", Kind: "file", Size: 6, Mode: 0o644}})
		w.must(err)
		n := groupcast.NewTransfer{Group: "g", Upload: u.ID, Now: true}
		if _, err := w.AddTransfer(w.ctx, local, n); err == nil {
			t.Fatal("an upload without its bytes was sent")
		}
		_, err = w.WriteUpload(w.ctx, local, u.ID, "d/f", 0, strings.NewReader("abc"))
		w.must(err)
		if _, err := w.WriteUpload(w.ctx, local, u.ID, "d/f", 5, strings.NewReader("x")); groupcast.ErrorCode(err) != groupcast.EConflict {
			t.Fatalf("a gap: %v", err)
		}
		_, err = w.WriteUpload(w.ctx, local, u.ID, "d/f", 3, strings.NewReader("def"))
		w.must(err)
		tr, err := w.AddTransfer(w.ctx, local, n)
		w.must(err)
		if err := w.DeleteUpload(w.ctx, local, u.ID); groupcast.ErrorCode(err) != groupcast.EConflict {
			t.Fatalf("deleting an upload in use: %v", err)
		}
		o := a.offered()
		_, err = a.ready(o)
		w.must(err)
		if got := w.read(w.Blocks(w.ctx, a.p, tr.No, 2, 1)); !bytes.Equal(got, []byte("abcdef")) {
			t.Fatalf("blocks: %q", got)
		}
		w.must(a.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		if _, err := w.Upload(w.ctx, local, u.ID); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Fatalf("the upload was not removed when nobody was owed it: %v", err)
		}
	})
}

func TestACopySurvivesAChangeAndASourceInPlaceDoesNot(t *testing.T) {
	withContent(t, map[string]string{"d/a": "before"}, func(w *world, dir string) {
		a := w.enrol("ann", "g").attach()
		for _, copied := range []bool{true, false} {
			tr, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Paths: []string{filepath.Join(dir, "d")}, Copy: copied, Now: true})
			w.must(err)
			a.offered()
			w.must(os.WriteFile(filepath.Join(dir, "d/a"), []byte("after!"), 0o644))
			r, err := w.Blocks(w.ctx, a.p, tr.No, 2, 1)
			w.must(err)
			got, err := io.ReadAll(r)
			r.Close()
			if copied != (err == nil && string(got) == "before") {
				t.Errorf("copied %v: %q, %v", copied, got, err)
			}
			w.settle()
			now, err := w.Transfer(w.ctx, local, tr.No)
			w.must(err)
			if !copied && (now.State != groupcast.TransferFailed || !strings.Contains(now.Reason, "a")) {
				t.Errorf("after the source changed: %s, %q", now.State, now.Reason)
			}
			w.must(os.WriteFile(filepath.Join(dir, "d/a"), []byte("before"), 0o644))
		}
	})
}

// TestWhatAnotherVersionPreparedIsRefusedOnce: what was pending when the program was replaced, and has digests that
// this one does not know, ends in words, and is not tried again.
func TestWhatAnotherVersionPreparedIsRefusedOnce(t *testing.T) {
	withContent(t, map[string]string{"f": "hello"}, func(w *world, dir string) {
		w.enrol("ann", "g")
		tr, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Paths: []string{filepath.Join(dir, "f")}})
		w.must(err)
		kept, err := w.store.Transfer(w.ctx, tr.No)
		w.must(err)
		place := filepath.Join(filepath.Join(w.dir, "content", kept.Content), "place.json")
		text, err := os.ReadFile(place)
		w.must(err)
		other := strings.Replace(string(text), `"hash":3`, `"hash":2`, 1)
		if other == string(text) {
			t.Fatalf("no digests are named in %s", text)
		}
		w.must(os.WriteFile(place, []byte(other), 0o600))
		w.reboot()
		now, err := w.Transfer(w.ctx, local, tr.No)
		w.must(err)
		if now.State != groupcast.TransferFailed || !strings.Contains(now.Reason, "another version of groupcast; add them again") {
			t.Errorf("%s: %s", now.State, now.Reason)
		}
		if _, err := w.RetryTransfer(w.ctx, local, tr.No); groupcast.ErrorCode(err) != groupcast.EConflict {
			t.Errorf("a retry: %v", err)
		}
	})
}

// closeFiles makes the server open what it sends anew.
func (w *world) closeFiles() {
	w.Helper()
	lib, err := content.OpenLibrary(w.dir, content.UploadLimits{}, anyRoom{}.Holds)
	w.must(err)
	w.content = lib
}
