package contenttest

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

var errOther = errors.New("another manifest")

// Store keeps the blocks of a Content in memory, as a receiver's spool keeps them on disk.
type Store struct {
	Content *Content
	Fail    error // what every WriteBlock answers; set it before a session uses the store

	mu     sync.Mutex
	data   []byte
	have   *protocol.BlockSet
	syncs  int
	writes int
}

// NewStore makes an empty store.
func NewStore(c *Content) *Store {
	return &Store{Content: c, have: protocol.NewBlockSet(c.Layout.Blocks())}
}

// WriteBlock keeps a block of the stream.
func (s *Store) WriteBlock(n protocol.BlockNumber, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Fail != nil {
		return s.Fail
	}
	s.writes++
	s.keep(n, data)
	return nil
}

// keep puts a block where it belongs; the lock is held.
func (s *Store) keep(n protocol.BlockNumber, data []byte) {
	if s.data == nil {
		s.data = make([]byte, len(s.Content.Data))
	}
	copy(s.data[int(n-s.Content.Layout.FirstStream())*protocol.BlockSize:], data)
	s.have.Add(n)
}

// Sync counts.
func (s *Store) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.syncs++
	return nil
}

// Hold puts the first so many blocks of the session into the store, as an earlier session would have.
func (s *Store) Hold(blocks int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.Content.Layout.FirstStream()
	for b := range protocol.BlockNumber(blocks) {
		if b >= first {
			s.keep(b, s.Content.Block(b))
		}
		s.have.Add(b)
	}
}

// Stage takes a verified manifest, if it is the Content's, and says what of the session is here.
func (s *Store) Stage(l *manifest.Layout, raw []byte) (*protocol.BlockSet, error) {
	if !bytes.Equal(raw, s.Content.Encoded.Manifest) {
		return nil, errOther
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for b := range l.FirstStream() {
		s.have.Add(b)
	}
	return s.have, nil
}

// Missing lists what the store lacks, index and manifest included; all says that it is everything.
func (s *Store) Missing() (lacks []protocol.Range, all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.have.Missing(100), s.have.Count() == 0
}

// Writes is how many blocks were written.
func (s *Store) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// Check fails the test unless every byte is here and was made durable.
func (s *Store) Check(t testing.TB, who string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !bytes.Equal(s.data, s.Content.Data) {
		t.Errorf("%s: the bytes differ", who)
	}
	if s.syncs == 0 {
		t.Errorf("%s: nothing was made durable", who)
	}
}
