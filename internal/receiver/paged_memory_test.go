package receiver

import (
	"bytes"
	"io"
	"os"
	"sync"
	"testing"

	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// scratchFile is a Scratch in a folder of the test.
type scratchFile struct{ *os.File }

func newScratchFile(t testing.TB) (Scratch, error) {
	f, err := os.CreateTemp(t.TempDir(), "")
	return scratchFile{f}, err
}

func (f scratchFile) Remove() error {
	if err := f.Close(); err != nil {
		return err
	}
	return os.Remove(f.Name())
}

// pagedMemory is what a device has of a paged transfer, in memory.
type pagedMemory struct {
	o    *pagedOrigin
	Fail error // what WriteBlock answers

	mu     sync.Mutex
	book   *pages.Book
	said   pages.Change
	have   *protocol.BlockSet
	blocks map[uint32][]byte
	before *protocol.BlockSet // blocks of an earlier edition, which are there once their page is; nil: none
	deaf   bool               // WriteBlock says of every block that it is not what its page says
	staged int
	writes int
	syncs  int
	slow   chan struct{} // a write waits for it; nil: it does not
}

func newPagedMemory(o *pagedOrigin) *pagedMemory {
	return &pagedMemory{
		o: o, have: protocol.NewBlockSet(o.cut.Blocks()), blocks: map[uint32][]byte{},
		book: pages.NewBook(o.offer.Terms(), o.offer.Pages, int(o.offer.Entries), o.key.Public(), o.cut),
	}
}

// stage takes the skeleton that a session brought.
func (m *pagedMemory) stage(raw io.Reader) (PagedContent, error) {
	got, err := io.ReadAll(raw)
	if err != nil || !bytes.Equal(got, m.o.skeleton) {
		m.o.t.Errorf("another skeleton: %d bytes, %v", len(got), err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.staged++
	return m, nil
}

func (m *pagedMemory) Cut() *skeleton.Cut { return m.o.cut }

func (m *pagedMemory) Have() *protocol.BlockSet {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.have.Clone()
}

func (m *pagedMemory) Verified() protocol.PageNo {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.book.Verified()
}

func (m *pagedMemory) Final() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.book.Final()
}

func (m *pagedMemory) AddPage(raw []byte) (pages.Change, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, err := m.book.Add(raw)
	for _, list := range c.Held {
		m.have.AddRange(list)
	}
	for _, list := range c.Ready {
		for b := list.First; m.before != nil && b < list.End(); b++ {
			if m.before.Has(b) {
				m.blocks[uint32(b)] = m.o.streamBlock(uint32(b))
				m.have.Add(b)
			}
		}
	}
	m.said.Ready, m.said.Held = append(m.said.Ready, c.Ready...), append(m.said.Held, c.Held...)
	m.said.Final = m.said.Final || c.Final
	return c, err
}

func (m *pagedMemory) Known() pages.Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.said
}

func (m *pagedMemory) WriteBlock(b uint32, data []byte) (bool, error) {
	if m.slow != nil {
		<-m.slow
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Fail != nil {
		return false, m.Fail
	}
	if m.deaf || !m.book.Verify(b, data) {
		return false, nil
	}
	m.writes++
	m.blocks[b] = bytes.Clone(data)
	m.have.Add(protocol.BlockNumber(b))
	return true, nil
}

func (m *pagedMemory) Sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.syncs++
	return nil
}

func (m *pagedMemory) written() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

// check says whether everything is there that is delivered.
func (m *pagedMemory) check() {
	m.o.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.book.Final() {
		m.o.t.Errorf("the final page is not there: %d are", m.book.Verified())
	}
	for b := range uint32(m.o.cut.Blocks()) {
		void := true
		for _, x := range m.o.cut.Extents(nil, b) {
			void = void && m.book.Void(x.Entry)
		}
		if want := m.o.streamBlock(b); !void && !bytes.Equal(m.blocks[b], want) && !zero(want) {
			m.o.t.Errorf("block %d is not what was sent", b)
		}
	}
	if m.syncs == 0 {
		m.o.t.Error("nothing was made durable")
	}
}

func zero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }
