package terminal

import (
	"io"
	"sync"

	"github.com/groupcast/groupcast"
)

// Output is what a command prints to. It keeps the first error, so that a table which could not be
// written ends the command with an error, wherever it was printed; for a daemon the lines are
// dropped and it continues.
type Output struct {
	w io.Writer

	mu      sync.Mutex
	err     error
	dropped bool
}

// Write prints, and keeps the first error.
func (o *Output) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dropped {
		return len(b), nil
	}
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// NewOutput prints to w.
func NewOutput(w io.Writer) *Output { return &Output{w: w} }

// Unchecked is the stream below: a screen asks the terminal itself for its size.
func Unchecked(w io.Writer) io.Writer {
	if o, ok := w.(*Output); ok {
		return o.w
	}
	return w
}

// drop ignores errors of output that cannot be written.
func (o *Output) drop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropped, o.err = true, nil
}

// Failed is the first error of what was printed, with what to do about it.
func (o *Output) Failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		return nil
	}
	return groupcast.Errorf(groupcast.EUnavailable, "the output could not be written: %v", o.err).
		WithHint("is the disk full, or the program at the other end of the pipe gone? what the command did is done").
		Wrap(o.err)
}
