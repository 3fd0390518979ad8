package mcast

import (
	"bytes"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"

	"golang.org/x/net/ipv4"
)

// A queue that is full in the middle of a train is asked again with the same bytes of the same
// packets: none is sent in another form, none twice, none is left out. What it never takes is given up.
func TestAFullQueueGetsTheSameBytesAgain(t *testing.T) {
	link := openLink(t, lo(t))
	s := link.v4
	s.segment.Store(false)
	full := &net.OpError{Op: "write", Net: "udp", Err: os.NewSyscallError("sendmmsg", syscall.ENOBUFS)}
	answers := []struct {
		taken int
		err   error
	}{{3, full}, {0, full}, {-1, full}, {4, nil}, {1, full}, {2, nil}}
	var taken, offered [][]byte
	s.batch = func(m []ipv4.Message) (int, error) {
		a := answers[0]
		answers = answers[1:]
		for i, x := range m {
			packet := bytes.Clone(x.Buffers[0])
			offered = append(offered, packet)
			if i < a.taken {
				taken = append(taken, packet)
			}
		}
		return a.taken, a.err
	}
	const count, size = 10, 100
	sent := train(count, size, 0)
	want := bytes.Clone(sent)
	if err := link.WriteTrain(t.Context(), groups[0].group, sent, size); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.Join(taken, nil), want) || !bytes.Equal(sent, want) {
		t.Errorf("%d packets were taken, and not those of the train", len(taken))
	}
	if len(offered) <= count {
		t.Errorf("only %d packets were offered: nothing was tried again", len(offered))
	}
	for _, packet := range offered {
		if !bytes.Contains(want, packet) {
			t.Error("something else was offered")
		}
	}
	s.batch = func([]ipv4.Message) (int, error) { return 0, full }
	if err := link.WriteTrain(t.Context(), groups[0].group, sent, size); !errors.Is(err, ErrStalled) {
		t.Errorf("a queue that takes nothing: %v", err)
	}
}
