//go:build !linux

package content

// bootID names this run of the machine; empty: unknown.
func bootID() string { return "" }
