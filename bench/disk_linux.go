package main

import "golang.org/x/sys/unix"

// freeDisk is the bytes that a folder's file system still holds.
func freeDisk(dir string) int64 {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return 0
	}
	return int64(s.Bavail) * s.Bsize
}
