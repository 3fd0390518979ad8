//go:build !linux

// Command rawcast measures the ceiling of sealed multicast datagrams; it runs on Linux only.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "rawcast: runs on Linux only")
	os.Exit(1)
}
