// Package cli is the command line: one file per noun. A command parses, asks the server
// through the same API as every other face, and prints; it decides nothing. `serve`, `receive`
// and `demo` wire the program together.
package cli
