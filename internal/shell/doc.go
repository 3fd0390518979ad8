// Package shell is what every command of a command line owes whoever types it: an exit code, errors in words
// or as JSON, the flag or verb that was meant, and a question before something is lost.
package shell
