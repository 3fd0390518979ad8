// Package download gives parts of a transfer to a reader: piece by piece as the limits allow, as long
// as it may have them, and not for ever to one who reads slowly while others wait.
package download

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Source gives what is asked for, one part after another.
type Source interface {
	// Next puts the next part into buf, which holds mostPart bytes, and says how long it is; io.EOF after the last.
	Next(buf []byte) (int, error)
	Close() error
}

// mostPart is the longest part: a block with its number.
const mostPart = protocol.BlockSize + 4

// Config is what a stream is made of. Its functions are called by the reader.
type Config struct {
	Source Source // closed with the stream
	Now    func() time.Time
	Others func() bool                 // says whether somebody waits for this one's place
	Allow  func(n int) error           // is asked before each part of n bytes
	Wait   func(most int) (int, error) // is asked before each piece, and says how many bytes may leave now
	Broke  func(error)                 // is told that the source could not be read
	Over   func(sent uint64)           // is told once, at the end
}

// Stream reads parts one after another.
type Stream struct {
	cfg  Config
	pace pace
	buf  []byte
	rest []byte // of the part that is given
	sent uint64
	done bool
}

// New makes a stream, which the caller must close.
func New(c Config) *Stream {
	return &Stream{cfg: c, pace: pace{now: c.Now, others: c.Others}, buf: make([]byte, mostPart)}
}

// Begin takes the first part, so that what is wrong with it can be said before anything is given.
func (s *Stream) Begin() error {
	if err := s.fill(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// Read gives some bytes of one part.
func (s *Stream) Read(p []byte) (int, error) {
	if err := s.pace.back(); err != nil {
		return 0, err
	}
	if len(s.rest) == 0 {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	n, err := s.cfg.Wait(min(len(p), len(s.rest)))
	if err != nil {
		return 0, err
	}
	copy(p, s.rest[:n])
	s.rest = s.rest[n:]
	s.sent += uint64(n)
	s.pace.gave(n)
	return n, nil
}

// fill takes the next part.
func (s *Stream) fill() error {
	n, err := s.cfg.Source.Next(s.buf)
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if err != nil {
		s.cfg.Broke(err)
		return fmt.Errorf("reading what was asked for: %w", err)
	}
	if err := s.pace.next(); err != nil {
		return err
	}
	if err := s.cfg.Allow(n); err != nil {
		return err
	}
	s.rest = s.buf[:n]
	return nil
}

// Close gives the source back.
func (s *Stream) Close() error {
	if s.done {
		return nil
	}
	s.done = true
	s.cfg.Over(s.sent)
	return s.cfg.Source.Close()
}
