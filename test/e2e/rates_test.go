//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/test/netlab"
)

// TestRatesHoldOverHTTPS: one receiver is served over HTTPS, and no faster than --rate says.
func TestRatesHoldOverHTTPS(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 1})
	pcs := room(s, 1)
	pcs[0].receive()
	path, sum := s.randomFile("image.bin", 2<<20)
	start := time.Now()
	s.host("s").run("", "send", "lab", path, "--rate", "8M")
	took := time.Since(start)
	if !allGot(pcs, "lab/image.bin", sum) {
		t.Fatal("send came back and the file is not there")
	}
	if least := 1900 * time.Millisecond; took < least { // 2 MiB at 1 MB/s, less what may leave at once
		t.Errorf("2 MiB at 8 Mbit/s took %v", took)
	}
}

// TestPartitionOfEverybody: the server's card is away for six seconds in the middle. When it is
// back the rest goes by multicast again, not to each of four over HTTPS.
func TestPartitionOfEverybody(t *testing.T) {
	s := newSite(t, netlab.Config{Receivers: 4, Rate: "100mbit"})
	pcs := room(s, 4)
	for _, pc := range pcs {
		pc.receive()
	}
	const size = 40 << 20
	path, sum := s.randomFile("image.bin", size)
	port := func(state string) {
		if _, err := s.lab.Run("b", "ip", "link", "set", "ps", state); err != nil {
			t.Error(err)
		}
	}
	time.AfterFunc(1500*time.Millisecond, func() { port("down") })
	time.AfterFunc(7500*time.Millisecond, func() { port("up") })
	s.host("s").run("", "send", "lab", path)
	if !allGot(pcs, "lab/image.bin", sum) {
		t.Fatal("send came back and not everyone has the file")
	}
	var all []groupcast.Transfer
	must(t, json.Unmarshal([]byte(s.host("s").run("", "transfer", "list", "--json")), &all))
	if len(all) != 1 || all[0].HTTPSBytes > size/2 || all[0].WireBytes < size {
		t.Errorf("%.1f MB over HTTPS, %.1f MB by multicast", float64(all[0].HTTPSBytes)/1e6, float64(all[0].WireBytes)/1e6)
	}
	t.Logf("%.1f MB over HTTPS, %.1f MB by multicast", float64(all[0].HTTPSBytes)/1e6, float64(all[0].WireBytes)/1e6)
}

// TestHolesDoNotTravel: a sparse file is a sparse file at the receivers, by multicast and over
// HTTPS, and costs what it holds.
func TestHolesDoNotTravel(t *testing.T) {
	for _, n := range []int{1, 2} {
		s := newSite(t, netlab.Config{Receivers: n})
		pcs := room(s, n)
		for _, pc := range pcs {
			pc.receive()
		}
		path := filepath.Join(t.TempDir(), "disk.img")
		f, err := os.Create(path)
		must(t, err)
		_, err = f.WriteAt(bytes.Repeat([]byte("data"), 1<<18), 100<<20)
		must(t, errors.Join(err, f.Truncate(200<<20+3), f.Close()))
		sum, err := digest(path)
		must(t, err)
		s.host("s").run("", "send", "lab", path)
		if !allGot(pcs, "lab/disk.img", sum) {
			t.Fatal("send came back and not everyone has the file")
		}
		var all []groupcast.Transfer
		must(t, json.Unmarshal([]byte(s.host("s").run("", "transfer", "list", "--json")), &all))
		if sent := all[0].WireBytes + all[0].HTTPSBytes; sent > 4<<20 {
			t.Errorf("to %d: %d bytes were sent for 1 MiB of data", n, sent)
		}
		fi, err := os.Stat(filepath.Join(pcs[0].inbox(), "lab/disk.img"))
		must(t, err)
		if took := fi.Sys().(*syscall.Stat_t).Blocks * 512; took > 8<<20 {
			t.Errorf("to %d: the file takes %d bytes of the disk", n, took)
		}
	}
}
