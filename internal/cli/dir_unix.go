//go:build unix

package cli

import "io/fs"

// othersWrite says whether others than the owner may write into a folder.
func othersWrite(fi fs.FileInfo) bool {
	return fi.Mode().Perm()&0o022 != 0 && fi.Mode()&fs.ModeSticky == 0
}
