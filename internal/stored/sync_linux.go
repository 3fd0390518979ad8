package stored

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/groupcast/groupcast/internal/manifest"
)

// syncTree makes a tree durable: one barrier of the file system for all of its files.
func syncTree(root *os.Root, files []manifest.File) error {
	const few = 8
	if len(files) <= few {
		return syncEach(root, files)
	}
	d, err := root.Open(".")
	if err != nil {
		return fmt.Errorf("open to make durable: %w", err)
	}
	return errors.Join(unix.Syncfs(int(d.Fd())), d.Close())
}
