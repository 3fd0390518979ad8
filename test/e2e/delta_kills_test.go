//go:build linux

package e2e

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/test/netlab"
)

// TestKillsAroundALook: an image is sent again with one changed block, and the server or a receiver is killed with
// SIGKILL while the server reads the image, or while the receivers look at theirs. All get it, and hardly more than
// that block goes out.
func TestKillsAroundALook(t *testing.T) {
	const size = 384 << 20
	s := newSite(t, netlab.Config{Receivers: 2, Rate: "1gbit"})
	pcs, agents := s.receives(2)
	path, sum := s.randomFile("image", size)
	send := func() protocol.TransferNo {
		tr, err := s.admin().AddTransfer(context.Background(), groupcast.NewTransfer{
			Group: "lab", Paths: []string{path}, Now: true,
		})
		must(t, err)
		return tr.No
	}
	shown := func(no protocol.TransferNo) groupcast.Transfer {
		tr, err := s.admin().Transfer(context.Background(), no)
		must(t, err)
		return tr
	}
	send()
	s.await("all to have it", func() bool { return allGot(pcs, "lab/image", sum) })
	reading := func(tr groupcast.Transfer) bool { return tr.Hashing != nil && tr.Hashing.Bytes > 0 }
	looking := func(tr groupcast.Transfer) bool { return tr.Hashing == nil && tr.State == groupcast.TransferSending }
	server := func() { s.stop(s.serve, syscall.SIGKILL); s.startServer() }
	for i, c := range []struct {
		name string
		when func(groupcast.Transfer) bool
		kill func()
	}{
		{"server, which reads", reading, server},
		{"server, while receivers look", looking, server},
		{"receiver, which looks", looking, func() {
			s.stop(agents[0].cmd, syscall.SIGKILL)
			agents[0].cmd = pcs[0].receive()
		}},
	} {
		sum = changeBlock(t, path, int64(i+1)*protocol.BlockSize*100)
		no := send()
		var tr groupcast.Transfer
		for end := time.Now().Add(patience); !c.when(tr); time.Sleep(5 * time.Millisecond) {
			if tr = shown(no); !tr.State.Open() || time.Now().After(end) {
				t.Fatalf("%s: it is %s", c.name, tr.State)
			}
		}
		c.kill()
		s.await(c.name+": all to have it", func() bool {
			tr = shown(no)
			return tr.State == groupcast.TransferDone && allGot(pcs, "lab/image", sum)
		})
		t.Logf("%s: %d bytes by multicast, %d over HTTPS", c.name, tr.WireBytes, tr.HTTPSBytes)
		if n := tr.WireBytes + tr.HTTPSBytes; n > 2<<20 {
			t.Errorf("%s: %d bytes went out for one block", c.name, n)
		}
	}
}

// changeBlock changes a byte of a file, and gives its digest then.
func changeBlock(t *testing.T, path string, at int64) [32]byte {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	must(t, err)
	b[0]++
	_, err = f.WriteAt(b, at)
	must(t, err)
	must(t, f.Close())
	return mustDigest(t, path)
}
