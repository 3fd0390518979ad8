// Package home is the folder in which a machine keeps what outlives a run: its guards, one lock
// per role, the login of a device, the uploads that did not end, and which machine it is on.
package home

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/groupcast/groupcast"
)

// HomeVariable names the home folder where no flag does.
const HomeVariable = "GROUPCAST_HOME"

// Role is what a process does with a home; each has a folder and a lock of its own.
type Role string

// The roles.
const (
	RoleServer Role = "server"
	RoleAgent  Role = "agent"
	RoleRelay  Role = "relay"
)

// command is what runs in a role.
func (r Role) command() string {
	switch r {
	case RoleServer:
		return "groupcast serve"
	case RoleRelay:
		return "groupcast relay run"
	case RoleAgent:
	}
	return "groupcast receive"
}

// Home is the folder that holds all that a machine keeps.
type Home struct{ path string }

// Open finds the home: path if given, else $GROUPCAST_HOME, else ~/.groupcast. It makes
// the folder if need be and refuses one that others may enter, as ssh does (security.md R6).
func Open(path string) (Home, error) {
	h, err := Find(path)
	if err != nil {
		return Home{}, err
	}
	return h, guard(h.path)
}

// Find is Open for who only wants to know where it is: it makes and checks nothing.
func Find(path string) (Home, error) {
	if path == "" {
		path = os.Getenv(HomeVariable)
	}
	if path == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return Home{}, groupcast.Errorf(groupcast.EInvalid, "no home folder is known here").
				WithHint("say where groupcast may keep its files: --home DIR or %s", HomeVariable).Wrap(err)
		}
		path = filepath.Join(user, ".groupcast")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return Home{}, fmt.Errorf("find the home: %w", err)
	}
	return Home{absolute}, nil
}

// guard makes a folder with mode 0700, and refuses one with a wider mode or of another user.
func guard(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return groupcast.Errorf(groupcast.EInvalid, "cannot make the folder %s", path).
			WithHint("choose another home with --home DIR or %s", HomeVariable).Wrap(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("check the home: %w", err)
	}
	if !info.IsDir() {
		return groupcast.Errorf(groupcast.EInvalid, "%s is not a folder", path).
			WithHint("choose another home with --home DIR")
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return groupcast.Errorf(groupcast.EForbidden, "others may enter %s (mode %04o), where keys and tokens lie",
			path, mode).
			WithHint("chmod 700 %s", path)
	}
	return checkOwner(path, info)
}

// Path is the home itself; Socket is the path of the server's local socket.
func (h Home) Path() string { return h.path }

// Socket is where the server of this home listens for its local administrator.
func (h Home) Socket() string { return filepath.Join(h.Dir(RoleServer), "server.sock") }

// Dir is the folder of a role, which Folder makes.
func (h Home) Dir(r Role) string { return filepath.Join(h.path, string(r)) }

// Folder makes the folder of a role if need be, checks it and gives its path.
func (h Home) Folder(r Role) (string, error) {
	if err := guard(h.path); err != nil {
		return "", err
	}
	return h.Dir(r), guard(h.Dir(r))
}

// ReadPrivate reads a small file with a secret in it; one that others may read is refused. A
// file that is not there is fs.ErrNotExist.
func ReadPrivate(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	defer f.Close() // read only
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return nil, groupcast.Errorf(groupcast.EForbidden, "others may read %s (mode %04o)", path, mode).
			WithHint("if nobody did: chmod 600 %s; else log out and in again", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("read %s: longer than %d bytes", path, limit)
	}
	return b, nil
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
