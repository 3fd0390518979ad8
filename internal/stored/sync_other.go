//go:build !linux

package stored

import (
	"os"

	"github.com/groupcast/groupcast/internal/manifest"
)

// syncTree makes a tree durable.
func syncTree(root *os.Root, files []manifest.File) error { return syncEach(root, files) }
