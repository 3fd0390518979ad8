// Package download gives blocks of a transfer to a reader: piece by piece as the limits allow, as long
// as it may have them, and not for ever to one who reads slowly while others wait.
package download

import (
	"fmt"
	"io"
	"time"

	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Config is what a stream is made of. Its functions are called by the reader.
type Config struct {
	Source content.Blocks // closed with the stream
	Asked  protocol.Range
	Now    func() time.Time
	Others func() bool                 // says whether somebody waits for this one's place
	Allow  func(n int) error           // is asked before each block of n bytes
	Wait   func(most int) (int, error) // is asked before each piece, and says how many bytes may leave now
	Broke  func(error)                 // is told that the source could not be read
	Over   func(sent uint64)           // is told once, at the end
}

// Stream reads blocks one after another.
type Stream struct {
	cfg  Config
	pace pace
	next protocol.BlockNumber
	left uint32
	buf  []byte
	rest []byte // of the block that is given
	sent uint64
	done bool
}

// New makes a stream, which the caller must close.
func New(c Config) *Stream {
	return &Stream{
		cfg: c, pace: pace{now: c.Now, others: c.Others}, next: c.Asked.First, left: c.Asked.Count,
		buf: make([]byte, protocol.BlockSize),
	}
}

// Read gives some bytes of one block.
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

// fill takes the next block.
func (s *Stream) fill() error {
	if s.left == 0 {
		return io.EOF
	}
	if err := s.pace.next(); err != nil {
		return err
	}
	n, err := s.cfg.Source.ReadBlock(s.next, s.buf)
	if err != nil {
		s.cfg.Broke(err)
		return fmt.Errorf("reading block %d: %w", s.next, err)
	}
	if err := s.cfg.Allow(n); err != nil {
		return err
	}
	s.rest = s.buf[:n]
	s.next++
	s.left--
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
