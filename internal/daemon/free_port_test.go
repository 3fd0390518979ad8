package daemon

import (
	"errors"
	"fmt"
	"net"
	"testing"
)

// A port that is called free is free for TCP and for UDP, and below those of outgoing connections.
func TestFreePort(t *testing.T) {
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	if port < 20_000 || port >= 32_000 {
		t.Errorf("port %d", port)
	}
	at := fmt.Sprintf("127.0.0.1:%d", port)
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	u, err := net.ListenPacket("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Close(), u.Close()); err != nil {
		t.Error(err)
	}
}
