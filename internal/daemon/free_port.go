package daemon

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// FreePort finds a port that is free for TCP and UDP now. It is unlikely to be taken before it is used: it
// is below those that systems give to outgoing connections.
func FreePort() (int, error) {
	for range 20 {
		port := 20_000 + rand.IntN(12_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		u, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err := errors.Join(l.Close(), err); err != nil {
			continue
		}
		return port, u.Close()
	}
	return 0, errors.New("no port is free for TCP and UDP")
}
