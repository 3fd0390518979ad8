package agent_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// What is sent again is read whole first, and then only what devices lack goes out: nothing of a tree that is the same,
// of a file with another name, of a folder that moved; of an image its changed blocks.
func TestWhatIsSentAgainGoesOutAsItChanged(t *testing.T) {
	for _, via := range []groupcast.Via{groupcast.ViaHTTPS, groupcast.ViaMulticast} {
		t.Run(string(via), func(t *testing.T) {
			w := newWorld(t)
			var blocks atomic.Int64
			w.tamper = func(what string, answer io.Reader) io.Reader {
				if what != "stream" {
					return answer
				}
				return counting{answer, &blocks}
			}
			a := w.enrol("anna", true).run()
			path, files := w.pagedFolder("tree")
			image := random(40 * protocol.BlockSize)
			put := func(name string, data []byte) {
				t.Helper()
				files[name] = data
				at := filepath.Join(path, filepath.FromSlash(name))
				check(t, os.MkdirAll(filepath.Dir(at), 0o755))
				check(t, os.WriteFile(at, data, 0o644))
			}
			put("image", image)
			again := func() int64 {
				t.Helper()
				before := blocks.Load()
				tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Via: via})
				var got groupcast.Delivery
				w.await("anna to have it", func() bool {
					got = w.delivery(tr, "anna")
					return got.State == groupcast.DeliveryVerified || got.State == groupcast.DeliveryAlreadyHad
				})
				if lacks := a.hasFolder("tree", files); lacks != "" {
					t.Errorf("%s is not there as it was sent", lacks)
				}
				shown, err := w.server.Transfer(t.Context(), local, tr.No)
				check(t, err)
				if shown.FileHash != groupcast.BLAKE3 || got.Missing+got.Beside > 0 {
					t.Errorf("%+v, %+v", shown, got)
				}
				return blocks.Load() - before
			}
			again()
			if n := again(); n > 0 {
				t.Errorf("the same tree took %d bytes", n)
			}
			rename(t, path, files)
			if n := again(); n > 0 {
				t.Errorf("other names took %d bytes", n)
			}
			image = bytes.Clone(image)
			image[7*protocol.BlockSize+9]++
			put("image", image)
			if n := again(); via == groupcast.ViaHTTPS && n != protocol.BlockSize+4 {
				t.Errorf("one block took %d bytes", n)
			}
		})
	}
}

// rename gives the large file another name, and the folder of small ones.
func rename(t *testing.T, path string, files map[string][]byte) {
	t.Helper()
	check(t, os.Rename(filepath.Join(path, "big.bin"), filepath.Join(path, "renamed.bin")))
	files["renamed.bin"] = files["big.bin"]
	delete(files, "big.bin")
	check(t, os.Remove(filepath.Join(path, "link")))
	check(t, os.Symlink("renamed.bin", filepath.Join(path, "link")))
	check(t, os.Rename(filepath.Join(path, "small"), filepath.Join(path, "moved")))
	for name, data := range files {
		if rest, was := strings.CutPrefix(name, "small/"); was {
			files["moved/"+rest] = data
			delete(files, name)
		}
	}
}

type counting struct {
	io.Reader
	n *atomic.Int64
}

func (c counting) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n.Add(int64(n))
	return n, err
}

// Receivers that have different older versions get what any of them lacks, once.
func TestReceiversWithOtherVersionsGetTheUnionOnce(t *testing.T) {
	const blocks = 128
	w := newWorld(t)
	names := []string{"anna", "bert", "cleo", "dora"}
	devices := make([]*device, len(names))
	for i, name := range names {
		devices[i] = w.enrol(name, true).run()
	}
	path := filepath.Join(t.TempDir(), "image")
	image := random(blocks * protocol.BlockSize)
	change := func(list ...int) {
		t.Helper()
		for _, b := range list {
			image[b*protocol.BlockSize+100]++
		}
		check(t, os.WriteFile(path, image, 0o644))
	}
	send := func(to ...string) (tr groupcast.Transfer) {
		t.Helper()
		tr = w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Via: groupcast.ViaMulticast})
		for _, name := range to {
			w.until(tr, name, groupcast.DeliveryVerified)
		}
		tr, err := w.server.Transfer(t.Context(), local, tr.No)
		check(t, err)
		return tr
	}
	change(0)
	send(names...)
	check(t, devices[3].end())
	change(10, 20, 30, 40, 41, 42, 43, 44)
	missed := send(names[:3]...)
	_, err := w.server.CancelTransfer(t.Context(), local, missed.No)
	check(t, err)
	devices[3].run()
	change(100, 10)
	last := send(names...)
	for i, d := range devices {
		got, err := os.ReadFile(filepath.Join(d.cfg.Dir, w.group, "image"))
		if err != nil || !bytes.Equal(got, image) {
			t.Errorf("%s has another: %v", names[i], err)
		}
	}
	for _, c := range []struct {
		of     groupcast.Transfer
		blocks uint64
	}{{missed, 8}, {last, 9}} {
		touched := c.blocks * protocol.BlockSize
		t.Logf("transfer %d: %d bytes by multicast for %d", c.of.No, c.of.WireBytes, touched)
		if c.of.WireBytes < touched || c.of.WireBytes > touched*3/2 {
			t.Errorf("transfer %d: %d bytes went by multicast for %d that changed", c.of.No, c.of.WireBytes, touched)
		}
	}
}
