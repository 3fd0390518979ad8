// Package sessiontest tests a sender and receivers together, over loopback in one process: neither
// package knows the other. It has no code but tests.
package sessiontest
