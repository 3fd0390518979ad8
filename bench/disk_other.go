//go:build !linux

package main

func freeDisk(string) int64 { return 0 }
