package listen

import (
	"net"

	"golang.org/x/sys/unix"
)

// PeerUID is the user at the other end of a Unix socket. If the kernel does not say, it returns an ID
// that no user has, so that the peer is refused.
func PeerUID(c net.Conn) (uid int, known bool) {
	const nobody = -1
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nobody, true
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return nobody, true
	}
	uid = nobody
	err = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid = int(cred.Uid)
		}
	})
	if err != nil {
		return nobody, true
	}
	return uid, true
}
