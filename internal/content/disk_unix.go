//go:build unix

package content

import (
	"io/fs"
	"strconv"
	"syscall"
)

// diskOf names the file system that something lies on.
func diskOf(info fs.FileInfo) string {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return strconv.FormatUint(uint64(st.Dev), 16)
	}
	return ""
}
