// Package listen opens what a server answers on: its HTTPS port, and its socket for the administrator of the machine.
package listen

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/groupcast/groupcast"
)

// MaxPath is what sockaddr_un holds on the systems we run on, its final zero included.
const MaxPath = 104

// Port opens the HTTPS port and says in words what is in the way.
func Port(address string) (net.Listener, error) {
	l, err := listenOn(address)
	switch {
	case err == nil:
		return l, nil
	case portTaken(err):
		_, port, _ := net.SplitHostPort(address)
		return nil, groupcast.Errorf(groupcast.EConflict, "another program already listens on TCP port %s", port).
			WithHint("stop it (`ss -ltnp 'sport = :%s'` names it) or choose another port with `--listen`", port).Wrap(err)
	case errors.Is(err, fs.ErrPermission):
		return nil, groupcast.Errorf(groupcast.EForbidden, "this user may not listen on %s", address).
			WithHint("choose a port from 1024 on with `--listen`").Wrap(err)
	case addressMissing(err):
		return nil, groupcast.Errorf(groupcast.EInvalid, "this machine has no address %s", address).
			WithHint("`--listen 0.0.0.0:7440` listens on all addresses").Wrap(err)
	}
	return nil, groupcast.Errorf(groupcast.EInvalid, "cannot listen on %q: %v", address, err).
		WithHint("write it as IP:PORT, for example `--listen 0.0.0.0:7440`").Wrap(err)
}

// listenOn listens on one address, or on all of the machine, of IPv6 and IPv4: whichever of the two it
// has, now or later.
func listenOn(address string) (net.Listener, error) {
	at, err := net.ResolveTCPAddr("tcp", address)
	if err == nil && (at.IP == nil || at.IP.IsUnspecified()) {
		// Not net.Listen: it would take the IPv4 address for both, and without IPv4 only that.
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv6unspecified, Port: at.Port})
		if err == nil || portTaken(err) || errors.Is(err, fs.ErrPermission) {
			return l, err
		}
	}
	return net.Listen("tcp", address)
}

// Socket opens the local socket for administration: only this user can open it, in a folder that
// only this user can enter, and peers of other users are refused (security.md L1). The home's lock is
// held, so a socket that is there already is a leftover.
func Socket(path string) (net.Listener, error) {
	if len(path) >= MaxPath {
		return nil, groupcast.Errorf(groupcast.EInvalid, "the path of the local socket is too long: %s", path).
			WithHint("choose a shorter folder with `--home` (the path may have %d characters)", MaxPath-1)
	}
	if st, err := os.Lstat(path); err == nil && st.Mode().Type() == fs.ModeSocket {
		if err := os.Remove(path); err != nil {
			return nil, socketError(path, err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, socketError(path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(socketError(path, err), l.Close())
	}
	return &ownPeers{l}, nil
}

func socketError(path string, err error) error {
	return groupcast.Errorf(groupcast.EUnavailable, "cannot open the local socket in %s", filepath.Dir(path)).
		WithHint("check that the folder exists and belongs to the user that runs `groupcast serve`").Wrap(err)
}

// ownPeers accepts connections of this user and of root only.
type ownPeers struct{ net.Listener }

// Accept waits for a connection of a user who may administer.
func (l *ownPeers) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if uid, known := PeerUID(c); !known || MayEnter(uid, os.Getuid()) {
			return c, nil
		}
		_ = c.Close() // refused; an error changes nothing
	}
}

// MayEnter says whether a peer may administer a server that runs as own.
func MayEnter(peer, own int) bool { return peer == own || peer == 0 }
