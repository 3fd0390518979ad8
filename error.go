package groupcast

import (
	"errors"
	"fmt"
	"time"
)

// Code is the kind of an error. internal/httpapi has the table of HTTP statuses, internal/shell that of
// exit codes.
type Code string

// The codes.
const (
	EInvalid      Code = "invalid"
	EUnauthorized Code = "unauthorized"
	EForbidden    Code = "forbidden"
	ENotFound     Code = "not_found"
	EConflict     Code = "conflict"
	ECopied       Code = "copied"      // another machine that runs now uses the same login
	EExhausted    Code = "exhausted"   // too many, too large, try later
	EBusy         Code = "busy"        // too much at once: try again in a moment
	ENobody       Code = "nobody"      // there is nobody to send to
	EUnconfirmed  Code = "unconfirmed" // the memberships are to be confirmed after a restore
	EUnavailable  Code = "unavailable"
	EClosed       Code = "closed" // it has ended for good: do not try again
	EInternal     Code = "internal"
	ETooLarge     Code = "too_large"   // more bytes than the call takes
	EMediaType    Code = "media_type"  // the body is of a type that the call does not take
	EChanged      Code = "changed"     // it is not in the version that the caller saw
	EKeyReused    Code = "key_reused"  // an idempotency key came with another request
	EInFlight     Code = "in_flight"   // the first request with an idempotency key still runs
	EInterrupted  Code = "interrupted" // the server stopped while it worked on the request
)

// Error is an error for people: what went wrong and what to do next.
type Error struct {
	Code    Code
	Message string // a sentence without the final stop
	Hint    string // the next step, in words that fit every client; may be empty
	Next    *Next  // the same as a code, if there is one for it
	Err     error  // the cause, for the log only
	Bad     *BadEntries
	After   time.Duration // when to try again, of EExhausted and EBusy; 0: soon
}

// Errorf makes an Error with a formatted message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithHint adds the next step.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Wrap keeps the cause for the log.
func (e *Error) Wrap(err error) *Error {
	e.Err = err
	return e
}

func (e *Error) Error() string {
	if e.Hint != "" {
		return e.Message + "; " + e.Hint
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns the code of the first Error in err's chain, EInternal if there is none.
func ErrorCode(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return EInternal
}
