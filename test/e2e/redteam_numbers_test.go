//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	enc "encoding/binary"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
	"github.com/groupcast/groupcast/test/attacker"
)

// numbers reads along what a port of the switch carries to groups, and remembers the digest of each
// packet under its session's tag and its number: one number stands for one text.
type numbers struct {
	s      *site
	cmd    *exec.Cmd
	ended  chan error
	report bytes.Buffer

	mu    sync.Mutex
	texts map[numbered][8]byte
	tags  map[protocol.SessionTag]*span
	times []time.Time // of every packet, by the kernel's clock
	twice []string    // numbers that stood for a second text
}

type numbered struct {
	tag    protocol.SessionTag
	number protocol.PacketNumber
}

// span is when a session's packets passed.
type span struct{ first, last time.Time }

func newNumbers() *numbers {
	return &numbers{texts: make(map[numbered][8]byte), tags: make(map[protocol.SessionTag]*span)}
}

// readsNumbers begins to read at the server's port; end is to be called.
func (s *site) readsNumbers() *numbers {
	s.t.Helper()
	n := newNumbers()
	n.s, n.ended = s, make(chan error, 1)
	n.cmd = s.lab.Command(context.Background(), "b", "tcpdump", "-i", "ps", "-s", "0", "-B", "65536",
		"--immediate-mode", "-U", "-w", "-", "udp and dst net 224.0.0.0/4")
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	n.cmd.Stderr = &n.report
	out, err := n.cmd.StdoutPipe()
	must(s.t, err)
	must(s.t, n.cmd.Start())
	s.t.Cleanup(func() { _ = n.cmd.Process.Kill() }) // it has ended, unless the test failed
	in := bufio.NewReaderSize(out, 1<<20)
	if _, err := in.Peek(pcapHeader); err != nil { // written when it listens
		s.t.Fatalf("tcpdump: %v", err)
	}
	go func() { n.ended <- n.read(in) }()
	return n
}

// read takes a capture as it grows.
func (n *numbers) read(in io.Reader) error {
	if _, err := io.CopyN(io.Discard, in, pcapHeader); err != nil {
		return err
	}
	head, frame := make([]byte, recordHeader), make([]byte, 1<<16)
	for {
		if _, err := io.ReadFull(in, head); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		le := enc.LittleEndian
		size := int(le.Uint32(head[8:]))
		if size > len(frame) {
			return fmt.Errorf("a frame of %d bytes", size)
		}
		if _, err := io.ReadFull(in, frame[:size]); err != nil {
			return err
		}
		if c, ok := datagram(frame[:size]); ok {
			n.take(time.Unix(int64(le.Uint32(head)), int64(le.Uint32(head[4:]))*1000), c.payload)
		}
	}
}

// take notes a packet. Those that are sealed in no session (announcements, probes) have no number.
func (n *numbers) take(at time.Time, packet []byte) {
	h, _, err := attacker.ParseHeader(packet)
	if err != nil {
		return
	}
	sum := sha256.Sum256(packet)
	text, key := [8]byte(sum[:8]), numbered{h.Tag, h.Number}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.times = append(n.times, at)
	if before, is := n.texts[key]; is && before != text {
		n.twice = append(n.twice, fmt.Sprintf("number %d of session %08x", h.Number, uint32(h.Tag)))
	}
	n.texts[key] = text
	if n.tags[h.Tag] == nil {
		n.tags[h.Tag] = &span{first: at}
	}
	n.tags[h.Tag].last = at
}

// since counts the packets of sessions that passed at a time or later.
func (n *numbers) since(at time.Time) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := len(n.times) - 1; i >= 0 && !n.times[i].Before(at); i-- {
		count++
	}
	return count
}

// spanning gives the sessions that were heard before one of these times and more than a second
// after it: who was killed then sends nothing more, and its queue is empty long before.
func (n *numbers) spanning(deaths []time.Time) (out []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for tag, x := range n.tags {
		for _, at := range deaths {
			if x.first.Before(at) && x.last.After(at.Add(time.Second)) {
				out = append(out, fmt.Sprintf("session %08x", uint32(tag)))
				break
			}
		}
	}
	return out
}

var droppedLine = regexp.MustCompile(`(\d+) packets dropped by kernel`)

// end stops reading; a capture with a hole proves nothing.
func (n *numbers) end() {
	n.s.t.Helper()
	time.Sleep(300 * time.Millisecond)
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	if err := <-n.ended; err != nil {
		n.s.t.Errorf("the capture: %v", err)
	}
	_ = n.cmd.Wait()
	if m := droppedLine.FindSubmatch(n.report.Bytes()); m == nil || string(m[1]) != "0" {
		n.s.t.Errorf("the capture is not whole: %s", n.report.Bytes())
	}
}

// TestNumbersThatAreUsedTwice: what reads the numbers tells a second text from the same one again,
// and a session that goes on after its server's death.
func TestNumbersThatAreUsedTwice(t *testing.T) {
	packet := func(tag protocol.SessionTag, number protocol.PacketNumber, text string) []byte {
		h := wire.Header{Kind: wire.KindData, Tag: tag, Number: number}
		if tag == 2 {
			return append(format2.AppendHeader(nil, h), text...)
		}
		return append(wire.AppendHeader(nil, h), text...)
	}
	n, at := newNumbers(), time.Unix(1000, 0)
	n.take(at, packet(1, 7, "one"))
	n.take(at, packet(1, 8, "one"))
	n.take(at, packet(2, 7, "two"))
	n.take(at, packet(1, 7, "one"))
	death := at.Add(time.Millisecond)
	n.take(at.Add(100*time.Millisecond), packet(1, 9, "still in the queue"))
	if len(n.twice) != 0 || len(n.spanning([]time.Time{death})) != 0 || n.since(at) != 5 {
		t.Fatalf("found %q, %q in %d packets", n.twice, n.spanning([]time.Time{death}), n.since(at))
	}
	n.take(at.Add(2*time.Second), packet(1, 7, "another"))
	n.take(at.Add(2*time.Second), packet(2, 7, "another"))
	if len(n.twice) != 2 || len(n.spanning([]time.Time{death})) != 2 {
		t.Fatalf("found %q, %q", n.twice, n.spanning([]time.Time{death}))
	}
}
