//go:build unix

package spool_test

import "syscall"

func makeFIFO(name string) error { return syscall.Mkfifo(name, 0o644) }
