package home

import (
	"os"
	"path/filepath"
	"runtime"
)

// RuntimeFolder is where this system keeps what lives until its next boot, in a folder of this
// program's own: "" where it has no such place for the user who runs it.
func RuntimeFolder() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "groupcast")
	}
	if runtime.GOOS == "linux" && os.Geteuid() == 0 {
		return "/run/groupcast"
	}
	return ""
}
