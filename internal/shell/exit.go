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
	exitDone  = 0
	exitError = 1
	exitUsage = 2
	exitOwed  = 3 // the command worked, and someone is still owed
)

// errOwed ends a command with exitOwed, without words: they have been said.
var errOwed = errors.New("someone is still owed")

// failure is an error as JSON says it: one line on the error stream.
type failure struct {
	Code    string `json:"code"` // a code of the API, or usage, interrupted
	Message string `json:"error"`
	Hint    string `json:"hint,omitempty"`
	Cause   string `json:"cause,omitempty"` // with --verbose
	Exit    int    `json:"exit_code"`
}

// exit says an error and maps it to the exit code.
func (a *app) exit(err error) int {
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errOwed) {
		return exitOwed
	}
	f := a.failureOf(err)
	if a.JSON {
		_ = terminal.WriteLine(a.Err, f) // who reads it may be gone
		return f.Exit
	}
	fmt.Fprintf(a.Err, "groupcast: %s\n", ui.Clean(f.Message))
	if f.Hint != "" {
		fmt.Fprintf(a.Err, "     next: %s\n", ui.Clean(f.Hint))
	}
	if f.Cause != "" {
		fmt.Fprintf(a.Err, "    cause: %s\n", ui.Clean(f.Cause))
	}
	return f.Exit
}

func (a *app) failureOf(err error) failure {
	var usage usageError
	var e *groupcast.Error
	switch {
	case errors.As(err, &usage):
		return failure{Code: "usage", Message: err.Error(), Exit: exitUsage}
	case errors.Is(err, context.Canceled):
		return failure{Code: "interrupted", Message: "interrupted", Exit: exitError}
	case !errors.As(err, &e):
		return failure{Code: string(groupcast.EInternal), Message: err.Error(), Exit: exitError}
	}
	f := failure{Code: string(e.Code), Message: e.Message, Hint: ui.Hint(e), Exit: exitError}
	if all, ok := err.(interface{ Unwrap() []error }); ok && len(all.Unwrap()) > 1 {
		f.Message, f.Hint = err.Error(), "" // several things failed: each has its line
	}
	if a.verbose && e.Err != nil {
		f.Cause = e.Err.Error()
	}
	return f
}
