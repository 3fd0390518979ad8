package content

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
)

// Mounts give files and folders further names without a link.
func TestOwnFilesBehindMounts(t *testing.T) {
	for name, c := range map[string]struct{ what, at, left string }{
		"the home":             {".", "sub/m", "sub/m"},
		"a folder of the home": {"server", "sub/m", "sub/m"},
		"deeper":               {"server/uploads/u/d", "sub/m", "sub/m"},
		"one file":             {"server/ca.key", "sub/f", "sub/f"},
		"over what is named":   {"server", "sub", "sub"},
	} {
		t.Run(name, func(t *testing.T) {
			home, source, own := house(t)
			at := filepath.Join(source, c.at)
			if c.at == "sub/f" {
				do(t, os.WriteFile(at, nil, 0o600))
			} else {
				do(t, os.MkdirAll(at, 0o700))
			}
			runtime.LockOSThread() // for good: its thread, in a name space of its own, ends with it
			err := syscall.Unshare(syscall.CLONE_NEWNS)
			if err == nil {
				err = syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, "")
			}
			if err == nil {
				err = syscall.Mount(filepath.Join(home, c.what), at, "", syscall.MS_BIND, "")
			}
			if err != nil {
				t.Skipf("nothing can be mounted here: %v", err)
			}
			defer syscall.Unmount(at, syscall.MNT_DETACH)
			if files, left := sent(t, source, own); !slices.Equal(left, []string{c.left}) {
				t.Errorf("sent %v, left out as groupcast's own %v", files, left)
			}
		})
	}
}
