//go:build unix

package stored

import "os"

func syncFolder(root *os.Root, name string) error { return syncOne(root, name, os.O_RDONLY) }
