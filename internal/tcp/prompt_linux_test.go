package tcp

import (
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPromptConnections: both ends have it, on a kernel that knows it.
func TestPromptConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialed, err := (&net.Dialer{Control: Control}).Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer dialed.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	Prompt(accepted)
	for name, c := range map[string]net.Conn{"dialed": dialed, "accepted": accepted} {
		if us, known := leastRepeat(t, c); known && us != int(minRepeat.Microseconds()) {
			t.Errorf("%s: repeats after %d µs at the earliest", name, us)
		}
	}
}

func leastRepeat(t *testing.T, c net.Conn) (us int, known bool) {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		us, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_RTO_MIN_US)
		known = err == nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return us, known
}
