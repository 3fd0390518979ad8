// Package terminal is what a command has of the terminal that it was started in: it prints tables,
// sentences and JSON, asks questions, reads passwords and redraws progress in place.
package terminal

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// Streams are the streams of one command, and how its user wants to read what it prints.
type Streams struct {
	In   io.Reader
	Out  io.Writer
	Err  io.Writer
	JSON bool // for programs

	Quiet bool // no progress, and no sentence that only says that it was done
}

// IsTerminal says whether a stream is a terminal that a person looks at.
func IsTerminal(stream any) bool {
	if o, ok := stream.(*Output); ok {
		stream = o.w
	}
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width is how many characters a line of a terminal has; 0: it is none.
func Width(stream any) int {
	if o, ok := stream.(*Output); ok {
		stream = o.w
	}
	if f, ok := stream.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			return w
		}
	}
	return 0
}

// Attended says whether there is a user who can be asked.
func (s *Streams) Attended() bool { return IsTerminal(s.In) && IsTerminal(s.Out) }

// StayUp is for what runs until it is stopped: neither a log's reader that goes away nor a terminal
// that is closed ends it. It gives what comes when the system asks to read the configuration again.
func (s *Streams) StayUp() (again <-chan os.Signal, end func()) {
	if o, ok := s.Out.(*Output); ok {
		o.drop()
	}
	pipe, hup := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE) // read by nobody: a write to a broken pipe is an error then, no more
	signal.Notify(hup, syscall.SIGHUP)
	return hup, func() { signal.Stop(pipe); signal.Stop(hup) }
}
