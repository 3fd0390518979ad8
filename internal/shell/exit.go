package shell

import (
	"context"
	"errors"
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

// Exit codes.
const (
	Done   = 0
	Failed = 1
	Misuse = 2
	Owed   = 3 // the command worked, and someone is still owed
)

// ErrOwed ends a command with Owed, without words: they have been said.
var ErrOwed = errors.New("someone is still owed")

// Failure is an error as JSON says it: one line on the error stream.
type Failure struct {
	Code    string `json:"code"` // a code of the API, or usage, interrupted
	Message string `json:"error"`
	Hint    string `json:"hint,omitempty"`
	Cause   string `json:"cause,omitempty"` // with --verbose
	Exit    int    `json:"exit_code"`
}

// Exit says an error on the error stream and maps it to the exit code.
func Exit(s *terminal.Streams, err error, verbose bool) int {
	if err == nil {
		return Done
	}
	if errors.Is(err, ErrOwed) {
		return Owed
	}
	f := failureOf(err, verbose)
	if s.JSON {
		_ = terminal.WriteLine(s.Err, f) // who reads it may be gone
		return f.Exit
	}
	fmt.Fprintf(s.Err, "groupcast: %s\n", ui.Clean(f.Message))
	if f.Hint != "" {
		fmt.Fprintf(s.Err, "     next: %s\n", ui.Clean(f.Hint))
	}
	if f.Cause != "" {
		fmt.Fprintf(s.Err, "    cause: %s\n", ui.Clean(f.Cause))
	}
	return f.Exit
}

func failureOf(err error, verbose bool) Failure {
	var usage UsageError
	var e *groupcast.Error
	switch {
	case errors.As(err, &usage):
		return Failure{Code: "usage", Message: err.Error(), Exit: Misuse}
	case errors.Is(err, context.Canceled):
		return Failure{Code: "interrupted", Message: "interrupted", Exit: Failed}
	case !errors.As(err, &e):
		return Failure{Code: string(groupcast.EInternal), Message: err.Error(), Exit: Failed}
	}
	f := Failure{Code: string(e.Code), Message: e.Message, Hint: ui.Hint(e), Exit: Failed}
	if f.Hint == "" && e.Code == groupcast.ENotFound {
		f.Hint = listedBy(e.Message)
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok && len(all.Unwrap()) > 1 {
		f.Message, f.Hint = err.Error(), "" // several things failed: each has its line
	}
	if verbose && e.Err != nil {
		f.Cause = e.Err.Error()
	}
	return f
}
