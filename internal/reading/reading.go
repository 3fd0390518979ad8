// Package reading keeps the sources of paged transfers. One is open while it is hashed, sent or fetched from, and is
// shared by all who read it. Hashing goes on beside that, to the final page; what could not be read is tried again.
package reading

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// Source is the content of a paged transfer (*source.Source).
type Source interface {
	Run(ctx context.Context) error
	Cut() *skeleton.Cut
	SignedFrom(n protocol.PageNo) (list []pages.Signed, changed <-chan struct{})
	Hurry()
	Sent(front uint32)
	ReadBlock(n protocol.BlockNumber, buf []byte) (int, error)
	Skeleton() (io.ReadCloser, error)
	Page(n protocol.PageNo) ([]byte, error)
	Voids() []content.Lost
	Close() error
}

// Config is what Sources are made of.
type Config struct {
	// Open opens the source of a transfer where its durable pages end.
	Open func(ctx context.Context, no protocol.TransferNo) (Source, error)
	// Ended is called without a lock when hashing came to its final page, or ended with an error; src is nil if it
	// could not even be opened. It says whether that is tried again after a while without anybody's doing.
	Ended func(no protocol.TransferNo, src Source, err error) (again bool)
}

// How many are hashed at once though nobody reads them, and when what could not be read is tried again.
const (
	atOnce   = 2
	tryFirst = 5 * time.Second // which doubles up to …
	tryMost  = 5 * time.Minute
)

// ErrOver says that a transfer has no source any more.
var ErrOver = errors.New("the transfer is over, or has other content now")

// Sources are those of all open paged transfers. They are safe for concurrent use.
type Sources struct {
	cfg   Config
	slots chan struct{}

	mu      sync.Mutex
	base    context.Context // nil before Start
	all     map[protocol.TransferNo]*reading
	running sync.WaitGroup
}

// reading is one edition of a transfer's content.
type reading struct {
	no     protocol.TransferNo
	cancel context.CancelFunc // ends the hashing; nil: none goes on
	over   chan struct{}      // closed when it has ended
	wanted chan struct{}      // closed once somebody reads it: it waits for no turn
	again  chan struct{}      // somebody wants another try now

	src     Source        // nil: it is not open
	readers int           // of src
	opening chan struct{} // closed when the attempt to open it is over; nil: there is none
	dropped bool

	seen Hashed
	next protocol.PageNo
}

// Hashed is how far hashing is.
type Hashed struct {
	Pages int
	Bytes uint64 // of the stream, void files included
	Final bool   // all of it
}

// New makes Sources without any.
func New(c Config) *Sources {
	return &Sources{cfg: c, slots: make(chan struct{}, atOnce), all: map[protocol.TransferNo]*reading{}}
}

// Start lets hashing begin; it goes on until ctx ends. Wait waits for that.
func (s *Sources) Start(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base = ctx
	for _, r := range s.all {
		s.begin(r)
	}
}

// Wait waits until nothing is hashed any more, after the end of Start's context.
func (s *Sources) Wait() { s.running.Wait() }

// Read has a transfer's content hashed to its final page.
func (s *Sources) Read(no protocol.TransferNo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin(s.of(no))
}

func (s *Sources) of(no protocol.TransferNo) *reading {
	r := s.all[no]
	if r == nil {
		r = &reading{no: no, wanted: make(chan struct{}), again: make(chan struct{}, 1)}
		s.all[no] = r
	}
	return r
}

// begin hashes in the background, unless that goes on already, or is done; the lock is held.
func (s *Sources) begin(r *reading) {
	if s.base == nil || s.base.Err() != nil || r.cancel != nil || r.seen.Final {
		return
	}
	ctx, cancel := context.WithCancel(s.base)
	r.cancel, r.over = cancel, make(chan struct{})
	s.running.Go(func() {
		defer close(r.over)
		s.hash(ctx, r)
		cancel()
		s.mu.Lock()
		r.cancel = nil
		s.mu.Unlock()
	})
}

// Drop forgets a transfer's source: it is over, or has other content. When it returns nothing of it is hashed any
// more; those who read it may go on until they close it. It must not be called from Ended.
func (s *Sources) Drop(no protocol.TransferNo) {
	s.mu.Lock()
	r := s.all[no]
	if r == nil {
		s.mu.Unlock()
		return
	}
	delete(s.all, no)
	r.dropped = true
	cancel, over := r.cancel, r.over
	s.mu.Unlock()
	if cancel != nil {
		cancel()
		<-over
	}
}

// Hashed says how far a transfer's content is hashed; false: nothing is known of it.
func (s *Sources) Hashed(no protocol.TransferNo) (Hashed, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.all[no]
	if r == nil {
		return Hashed{}, false
	}
	r.look()
	return r.seen, true
}

// look notes what was signed since the last look.
func (r *reading) look() {
	if r.src == nil || r.seen.Final {
		return
	}
	list, _ := r.src.SignedFrom(r.next)
	for _, p := range list {
		r.next = p.Number + 1
		r.seen.Pages++
		for _, blocks := range [][]protocol.Range{p.Ready, p.Held} {
			if n := len(blocks); n > 0 {
				offset, length := r.src.Cut().Block(uint32(blocks[n-1].End()) - 1)
				r.seen.Bytes = max(r.seen.Bytes, offset+uint64(length))
			}
		}
		if p.Final {
			r.seen.Final, r.seen.Bytes = true, r.src.Cut().Bytes()
		}
	}
}
