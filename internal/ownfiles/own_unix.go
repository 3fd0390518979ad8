//go:build unix

package ownfiles

import (
	"io/fs"
	"syscall"
)

// identities are files and folders, known by what they are and not by their names.
type identities struct{ known map[[2]uint64]bool }

func identity(info fs.FileInfo) (id [2]uint64, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return id, false
	}
	return [2]uint64{uint64(st.Dev), uint64(st.Ino)}, true
}

func (i *identities) add(info fs.FileInfo) {
	if i.known == nil {
		i.known = map[[2]uint64]bool{}
	}
	if id, ok := identity(info); ok {
		i.known[id] = true
	}
}

func (i *identities) has(info fs.FileInfo) bool {
	id, ok := identity(info)
	return ok && i.known[id]
}

// Linked says whether a file may have another name.
func Linked(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || st.Nlink > 1
}
