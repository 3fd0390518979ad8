package receiver

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
)

// skeletonBlocks collects the first blocks of a paged session: block 0 is the index of the skeleton, the blocks after
// it the skeleton itself, which goes to a scratch file. What is not verified is not written, but for what comes over
// HTTPS before the index. It is safe for concurrent use.
type skeletonBlocks struct {
	digest protocol.Digest
	bytes  int
	blocks int
	room   func() (Scratch, error)

	supplying sync.Mutex // one skeleton at a time comes over HTTPS; taken before mu

	mu      sync.Mutex
	index   []byte // verified; nil: not there
	held    *protocol.BlockSet
	scratch Scratch
	taken   bool // whole gave the skeleton
}

func newSkeletonBlocks(o format2.Offer, room func() (Scratch, error)) *skeletonBlocks {
	m := o.SkeletonBlocks()
	return &skeletonBlocks{
		digest: o.Skeleton, bytes: int(o.SkeletonBytes), blocks: m, room: room, held: protocol.NewBlockSet(1 + m),
	}
}

// length is that of a block of the index or the skeleton.
func (s *skeletonBlocks) length(b protocol.BlockNumber) int {
	if b == 0 {
		return s.blocks * len(protocol.Digest{})
	}
	return min(protocol.BlockSize, s.bytes-int(b-1)*protocol.BlockSize)
}

// put takes a decoded block. Its error is what the disk says.
func (s *skeletonBlocks) put(b protocol.BlockNumber, data []byte) (recv.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.taken || s.held.Has(b): // it came over HTTPS meanwhile
		return recv.Stored, nil
	case len(data) != s.length(b), b == 0 && !s.takeIndex(data), b > 0 && !s.vouches(b, data):
		return recv.Mismatch, nil
	case b == 0:
		return recv.Stored, nil
	}
	if err := s.write(b, data); err != nil {
		return recv.Failed, err
	}
	s.held.Add(b)
	return recv.Stored, nil
}

// takeIndex keeps the index if it is the offer's.
func (s *skeletonBlocks) takeIndex(index []byte) bool {
	if format2.SkeletonDigest(index) != s.digest {
		return false
	}
	if s.index == nil {
		s.index = append([]byte{}, index...)
		s.held.Add(0)
	}
	return true
}

// vouches says whether the index has the digest of a block.
func (s *skeletonBlocks) vouches(b protocol.BlockNumber, data []byte) bool {
	return s.index != nil && format2.LeafDigest(data) == s.leaf(b)
}

func (s *skeletonBlocks) leaf(b protocol.BlockNumber) protocol.Digest {
	return protocol.Digest(s.index[int(b-1)*len(protocol.Digest{}):])
}

func (s *skeletonBlocks) write(b protocol.BlockNumber, data []byte) (err error) {
	if s.scratch == nil {
		if s.scratch, err = s.room(); err != nil {
			return err
		}
	}
	if _, err := s.scratch.WriteAt(data, int64(b-1)*protocol.BlockSize); err != nil {
		return fmt.Errorf("keep the skeleton while it comes: %w", err)
	}
	return nil
}

// whole gives the skeleton once, when all of it is there; otherwise nil.
func (s *skeletonBlocks) whole() io.Reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken || s.held.Count() <= s.blocks {
		return nil
	}
	s.taken = true
	return io.NewSectionReader(s.scratch, 0, int64(s.bytes))
}

// skip says that the skeleton is not wanted: it is here already.
func (s *skeletonBlocks) skip() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = true
}

// clear gives the scratch file back.
func (s *skeletonBlocks) clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = true
	if s.scratch == nil {
		return nil
	}
	scratch := s.scratch
	s.scratch = nil
	return scratch.Remove()
}

var errSkeleton = errors.New("the skeleton is not the one that the offer vouches for")

// supply takes the whole skeleton as it is fetched over HTTPS. The lock is not held while it waits for the network.
func (s *skeletonBlocks) supply(raw io.Reader) error {
	s.supplying.Lock()
	defer s.supplying.Unlock()
	var leaves []byte // of what was written while there was no index
	block := make([]byte, protocol.BlockSize)
	for b := protocol.BlockNumber(1); int(b) <= s.blocks; b++ {
		data := block[:s.length(b)]
		if _, err := io.ReadFull(raw, data); err != nil {
			return fmt.Errorf("the skeleton ends too early: %w", err)
		}
		leaf := format2.LeafDigest(data)
		leaves = append(leaves, leaf[:]...)
		if err := s.supplyBlock(b, data, leaf); err != nil {
			return err
		}
	}
	if n, _ := io.ReadFull(raw, block[:1]); n > 0 {
		return fmt.Errorf("%w: it is too long", errSkeleton)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.takeIndex(leaves) {
		return errSkeleton
	}
	s.held.AddRange(protocol.Range{First: 1, Count: uint32(s.blocks)}) // all of them were written, by whomever
	return nil
}

// supplyBlock writes a block unless it is there. One that the index does not vouch for ends what is fetched.
func (s *skeletonBlocks) supplyBlock(b protocol.BlockNumber, data []byte, leaf protocol.Digest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.taken || s.held.Has(b):
		return nil
	case s.index != nil && s.leaf(b) != leaf:
		return errSkeleton
	}
	return s.write(b, data)
}
