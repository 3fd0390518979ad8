package cli

import (
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/groupcast/groupcast"
)

// output is what a command prints to. It keeps the first error, so that a table which could not be
// written ends the command with an error, wherever it was printed; for a daemon the lines are
// dropped and it goes on.
type output struct {
	w io.Writer

	mu      sync.Mutex
	err     error
	dropped bool
}

func (o *output) Write(b []byte) (int, error) {
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

// unchecked is the stream below: a screen asks the terminal itself for its size.
func unchecked(w io.Writer) io.Writer {
	if o, ok := w.(*output); ok {
		return o.w
	}
	return w
}

// drop makes output that cannot be written nobody's concern.
func (o *output) drop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropped, o.err = true, nil
}

func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		return nil
	}
	return groupcast.Errorf(groupcast.EUnavailable, "the output could not be written: %v", o.err).
		WithHint("is the disk full, or the program at the other end of the pipe gone? what the command did is done")
}

// stayUp is for what runs until it is stopped: neither a log's reader that goes away nor a terminal
// that is closed ends it. It gives what comes when the system asks to read the configuration again.
func (a *app) stayUp() (again <-chan os.Signal, end func()) {
	if o, ok := a.out.(*output); ok {
		o.drop()
	}
	pipe, hup := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE) // read by nobody: a write to a broken pipe is an error then, no more
	signal.Notify(hup, syscall.SIGHUP)
	return hup, func() { signal.Stop(pipe); signal.Stop(hup) }
}
