//go:build !linux

package spool_test

import "testing"

func checkAllocated(*testing.T, string, int64) {}
