package sender

import (
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/skeleton"
)

const (
	// feedPause is how long the source is left alone after it had no further page, though it said so.
	feedPause = 100 * time.Millisecond
	// tellEvery is how often the source hears of a session that does not come on: it reads only so far ahead of those
	// that it hears of.
	tellEvery = time.Second
)

// pageFeed is what a session knows of the pages of its source: which there are, and which blocks they let be sent. A
// session of format 1 has none: a nil feed lets all blocks be read. The session's lock guards what it knows; the
// channel is the loop's.
type pageFeed struct {
	source   PagedSource
	cut      *skeleton.Cut
	skeleton uint64               // bytes
	first    protocol.BlockNumber // of page 0
	stream   protocol.BlockNumber // first one of the stream

	changed <-chan struct{}
	rest    time.Time // until then the source is not asked
	next    int       // pages that the source gave

	lengths []int            // of the pages
	covers  []protocol.Range // of those that were there before the session: blocks of the stream from … to
	covered *protocol.BlockSet
	final   bool
	front   uint32    // of the stream, as the source was told …
	told    time.Time // … then
}

func newPageFeed(source PagedSource, terms *format2.Offer, cut *skeleton.Cut) *pageFeed {
	return &pageFeed{
		source: source, cut: cut, skeleton: terms.SkeletonBytes, first: terms.FirstPage(), stream: terms.FirstStream(),
		covered: protocol.NewBlockSet(cut.Blocks()),
	}
}

// begin takes the pages that are there before the session.
func (f *pageFeed) begin(now time.Time, m *send.Sender) {
	list := f.poll(now)
	for _, p := range list {
		f.learn(now, m, p)
		f.covers = append(f.covers, hull(p.Ready))
	}
	m.Resumed(len(list), f.final)
}

func hull(list []protocol.Range) protocol.Range {
	if len(list) == 0 {
		return protocol.Range{}
	}
	first := list[0].First
	return protocol.Range{First: first, Count: uint32(list[len(list)-1].End() - first)}
}

// more gives a channel that is closed when the source may have more pages; nil: it is not waited for.
func (f *pageFeed) more(now time.Time) <-chan struct{} {
	if f == nil || f.final || now.Before(f.rest) {
		return nil
	}
	return f.changed
}

// poll asks the source for further pages, if it said that it has some.
func (f *pageFeed) poll(now time.Time) []pages.Signed {
	if f == nil || f.final {
		return nil
	}
	if f.changed != nil {
		select {
		case <-f.more(now):
		default:
			return nil
		}
	}
	list, changed := f.source.SignedFrom(protocol.PageNo(f.next))
	if f.changed != nil && len(list) == 0 {
		f.rest = now.Add(feedPause) // it ended, perhaps to be tried again
	}
	f.changed = changed
	f.next += len(list)
	return list
}

// take lets pages be sent that are durable, and their blocks.
func (f *pageFeed) take(now time.Time, m *send.Sender, list []pages.Signed) {
	for _, p := range list {
		f.learn(now, m, p)
		m.Announce(now, p.Final)
	}
}

func (f *pageFeed) learn(now time.Time, m *send.Sender, p pages.Signed) {
	f.lengths = append(f.lengths, p.Length)
	f.final = f.final || p.Final
	for _, r := range p.Ready {
		f.covered.AddRange(r)
	}
	for _, r := range p.Held {
		m.Drop(now, protocol.Range{First: f.stream + r.First, Count: r.Count})
	}
}

// wants gives how far the session has come in the stream, and says whether nothing is left to send until there are
// further pages; so many blocks are being read.
func (f *pageFeed) wants(m *send.Sender, reading int) (front uint32, hungry bool) {
	if f == nil {
		return 0, false
	}
	return uint32(max(m.Front(), f.stream) - f.stream), reading == 0 && !f.final && m.Starved()
}

// tell tells the source what the session wants.
func (f *pageFeed) tell(now time.Time, front uint32, hungry bool) {
	if f == nil {
		return
	}
	if front > f.front || now.Sub(f.told) >= tellEvery {
		f.front, f.told = max(f.front, front), now
		f.source.Sent(f.front)
	}
	if hungry {
		f.source.Hurry()
	}
}

// length is that of a block of the session; of a page that is not there it is none.
func (f *pageFeed) length(b protocol.BlockNumber) int {
	switch {
	case b == 0:
		return int(f.first-1) * len(protocol.Digest{})
	case b < f.first:
		return int(min(protocol.BlockSize, f.skeleton-uint64(b-1)*protocol.BlockSize))
	case b < f.stream:
		if n := int(b - f.first); n < len(f.lengths) {
			return f.lengths[n]
		}
		return 0
	}
	_, n := f.cut.Block(uint32(b - f.stream))
	return n
}

// readable says whether a block may be read: its page is durable.
func (f *pageFeed) readable(b protocol.BlockNumber) bool {
	switch {
	case f == nil || b < f.first:
		return true
	case b < f.stream:
		return int(b-f.first) < len(f.lengths)
	}
	return f.covered.Has(b - f.stream)
}

// leaveOut notes that a block of the stream cannot be read: its files are void.
func (f *pageFeed) leaveOut(b protocol.BlockNumber) {
	if f != nil && b >= f.stream {
		f.covered.Remove(b - f.stream)
	}
}

// pagesOf lists the pages that were there before the session and let these blocks of the stream be sent: who lacks the
// blocks lacks their pages, mostly. One that lets none be sent goes with the one before it.
func (f *pageFeed) pagesOf(list []protocol.Range) (out []protocol.Range) {
	lacks := len(list) > 0
	for n, c := range f.covers {
		for len(list) > 0 && list[0].End() <= c.First {
			list = list[1:]
		}
		if c.Count > 0 {
			lacks = len(list) > 0 && list[0].First < c.End()
		}
		if lacks {
			out = append(out, protocol.Range{First: f.first + protocol.BlockNumber(n), Count: 1})
		}
	}
	return out
}

// declare says in a SYNC which pages there are.
func (f *pageFeed) declare(m *send.Sender, s *format2.Sync) {
	announced, sent := m.PagesSent()
	s.Pages, s.PageFront = uint32(announced), uint32(sent)
	s.Lengths = f.lengths[max(0, announced-format2.MaxSyncLengths):announced]
	if m.Starved() {
		s.Flags |= format2.SyncStarved
	}
	if f.final {
		s.Flags |= format2.SyncFinal
	}
}
