package agent_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
)

// While DIR is away nothing is written in its place; the delivery waits with the true reason and
// is carried on when DIR is back.
func TestDirIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.enrol("anna", true).run()
	path, _ := w.file("conf.txt", 1000)
	w.until(w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true}), "anna", groupcast.DeliveryVerified)
	check(t, os.Rename(a.cfg.Dir, a.cfg.Dir+"-disk"))
	check(t, os.Mkdir(a.cfg.Dir, 0o755)) // the empty mount point
	path, data := w.file("conf.txt", 2000)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
	got := w.until(tr, "anna", groupcast.DeliveryRefused)
	if !strings.Contains(got.Reason, "is the disk mounted?") {
		t.Errorf("refused because: %s", got.Reason)
	}
	if left, err := os.ReadDir(a.cfg.Dir); err != nil || len(left) != 0 {
		t.Errorf("in its place there are %v, %v", left, err)
	}
	check(t, os.Remove(a.cfg.Dir))
	check(t, os.Rename(a.cfg.Dir+"-disk", a.cfg.Dir))
	w.until(tr, "anna", groupcast.DeliveryVerified)
	if !a.has("conf.txt", data) {
		t.Error("the file is not there")
	}
}

// A folder that was deleted and made anew is taken when that is said to be meant, and so is
// what a receiver finds that knows nothing of earlier ones.
func TestDirIsAdopted(t *testing.T) {
	w := newWorld(t)
	a := w.enrol("anna", true).run()
	check(t, a.end())
	check(t, os.RemoveAll(a.cfg.Dir))
	check(t, os.Mkdir(a.cfg.Dir, 0o755))
	a.run()
	w.await("a warning", func() bool { return strings.Contains(a.said("warning").Text, "--adopt") })
	check(t, a.end())
	a.cfg.Once = true
	a.launch()
	if err := a.wait(); groupcast.ErrorCode(err) != groupcast.EInvalid {
		t.Errorf("once ended with %v", err)
	}
	a.cfg.Once, a.cfg.Adopt = false, true
	a.run()
	path, _ := w.file("one.bin", 1000)
	w.until(w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true}), "anna", groupcast.DeliveryVerified)
	check(t, a.end())
	b := w.enrol("bert", true)
	b.cfg.Dir = a.cfg.Dir // of a home that is lost
	b.run()
	path, data := w.file("two.bin", 1000)
	w.until(w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true}), "bert", groupcast.DeliveryVerified)
	if !b.has("two.bin", data) {
		t.Error("the file is not there")
	}
}

// staged says whether anything half received lies in DIR.
func (d *device) staged() bool {
	entries, err := filepath.Glob(filepath.Join(d.cfg.Dir, ".groupcast", "*-*"))
	check(d.w.t, err)
	return len(entries) > 0
}

// What is half received goes when it is over for the device, however it ends.
func TestHalfReceivedFilesGo(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(context.Context, *world, groupcast.Transfer) error{
		"cancel": func(ctx context.Context, w *world, tr groupcast.Transfer) error {
			_, err := w.server.CancelTransfer(ctx, local, tr.No)
			return err
		},
		"member": func(ctx context.Context, w *world, _ groupcast.Transfer) error {
			return w.server.RemoveMember(ctx, local, w.group, "anna")
		},
		"group": func(ctx context.Context, w *world, _ groupcast.Transfer) error {
			return w.server.DeleteGroup(ctx, local, w.group)
		},
		"drop": func(ctx context.Context, w *world, tr groupcast.Transfer) error {
			_, err := w.server.DropMember(ctx, local, tr.No, "anna")
			return err
		},
	} {
		for _, running := range []bool{true, false} {
			t.Run(name+map[bool]string{true: "", false: " while away"}[running], func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.enrol("bert", true).run()
				a := w.enrol("anna", true).run()
				path, _ := w.file("image.bin", 5<<20)
				tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Rate: 10_000_000})
				w.await("the session to be under way", func() bool { return w.delivery(tr, "anna").Blocks > 2 && a.staged() })
				if !running {
					check(t, a.end())
				}
				check(t, end(t.Context(), w, tr))
				if !running {
					a.run()
				}
				w.await("what was half received to go", func() bool { return !a.staged() })
			})
		}
	}
}

// What is still owed and not offered now keeps what is there of it.
func TestHalfReceivedFilesStayWhileTheyAreOwed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol("bert", true).run()
	a := w.enrol("anna", true).run()
	path, data := w.file("image.bin", 5<<20)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Rate: 10_000_000})
	w.await("the session to be under way", func() bool { return w.delivery(tr, "anna").Blocks > 2 && a.staged() })
	_, err := w.server.ActOnDelivery(t.Context(), local, tr.No, a.in.Device.ID, groupcast.PutOff)
	check(t, err)
	check(t, a.end())
	a.run()
	other, _ := w.file("other.bin", 1000)
	w.until(w.send(groupcast.NewTransfer{Paths: []string{other}, Now: true}), "anna", groupcast.DeliveryVerified)
	if !a.staged() {
		t.Error("it is gone")
	}
	_, err = w.server.ActOnDelivery(t.Context(), local, tr.No, a.in.Device.ID, groupcast.CatchUp)
	check(t, err)
	w.until(tr, "anna", groupcast.DeliveryVerified)
	if !a.has("image.bin", data) {
		t.Error("the file is not there")
	}
}

// Logged out, a device keeps nothing half received, nor a receipt that nobody would take.
func TestForget(t *testing.T) {
	dir, server := t.TempDir(), protocol.ServerID{1}
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger"), nil)
	check(t, err)
	defer l.Close()
	id, err := spool.Identify(dir)
	check(t, err)
	check(t, l.KeepFolder(t.Context(), dir, id))
	check(t, l.KeepFolder(t.Context(), dir+"-away", spool.Identity{1}))
	check(t, l.KeepReceipt(t.Context(), server, groupcast.Receipt{Transfer: 3}))
	mine, other := filepath.Join(dir, ".groupcast", "0100000000000000-3"),
		filepath.Join(dir, ".groupcast", "0200000000000000-3")
	for _, folder := range []string{mine, other} {
		check(t, os.Mkdir(folder, 0o700))
		check(t, os.WriteFile(filepath.Join(folder, "pack"), []byte("half"), 0o600))
	}
	check(t, agent.Forget(t.Context(), l, server))
	if _, err := os.Stat(mine); err == nil {
		t.Error("what was half received is still there")
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("another server's: %v", err)
	}
	if left, err := l.Receipts(t.Context(), server); err != nil || len(left) != 0 {
		t.Errorf("receipts: %v, %v", left, err)
	}
}

// deaf is a ledger that takes nothing any more: what a power cut leaves it at.
type deaf struct{ spool.Ledger }

func (deaf) Record([]spool.Outcome) error { return errors.New("the power is out") }

// What a crash caught of a server's transfers is known as delivered when the login there is over: it makes room for
// what comes after the next login.
func TestForgetKeepsWhatACrashCaught(t *testing.T) {
	dir, server, group, data := t.TempDir(), protocol.ServerID{1}, protocol.GroupID{2}, []byte("one")
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger"), time.Now)
	check(t, err)
	defer l.Close()
	id, err := spool.Identify(dir)
	check(t, err)
	check(t, l.KeepFolder(t.Context(), dir, id))
	files := []manifest.File{{Path: "f", Mode: 0o644, Size: uint64(len(data)), Digest: sha256.Sum256(data)}}
	blocks, err := manifest.Cut(files)
	check(t, err)
	blocks[0].Digest = manifest.LeafDigest(data)
	layout, _ := manifest.LayoutOf(&manifest.Manifest{Files: files, Blocks: blocks})
	delivered := l.Deliveries(server, group, "lab")
	s, err := spool.Open(spool.Config{
		Dir: dir, Known: id, Group: "lab", GroupID: group, Server: server, Reserve: -1, Ledger: deaf{delivered},
	})
	check(t, err)
	g, err := s.Stage(t.Context(), 3, layout)
	check(t, err)
	check(t, g.WriteBlock(layout.FirstStream(), data))
	if err := g.Commit(t.Context()); err == nil {
		t.Fatal("the ledger took it")
	}
	check(t, errors.Join(g.Close(), s.Close()))
	check(t, agent.Forget(t.Context(), l, server))
	if d, known, err := delivered.Lookup("f"); err != nil || !known || d.Transfer != 3 {
		t.Errorf("the ledger knows %v %+v, %v", known, d, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".groupcast", "*-3")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
