//go:build unix

package content

import (
	"io/fs"
	"strconv"
	"syscall"
)

// diskOf is the ID of the file system of a file.
func diskOf(info fs.FileInfo) string {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return strconv.FormatUint(uint64(st.Dev), 16)
	}
	return ""
}
