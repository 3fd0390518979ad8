//go:build !linux

package main

import "errors"

func run([]string) error {
	return errors.New("it runs on Linux only: it needs all of 127.0.0.0/8, and /proc")
}
