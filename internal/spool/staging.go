package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/journal"
	"github.com/groupcast/groupcast/internal/spool/layout"
	"github.com/groupcast/groupcast/internal/spool/parts"
	"github.com/groupcast/groupcast/internal/spool/record"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

const (
	bigFile   = manifest.BigFile // a file of this size or more is staged in a file of its own
	syncEvery = 64 << 20         // bytes written between barriers, at most
)

// Staging is one transfer that is written to the disk. WriteBlock, ReadBlock, Sync and Has are
// safe for concurrent use.
type Staging struct {
	spool  *Spool
	no     protocol.TransferNo
	name   string // of its folder
	layout layout.Layout
	listed *manifest.Layout // of a transfer with a manifest
	list   io.Closer        // what the layout reads; only of one that is looked at
	exact  bool             // no space is reserved for a file when its first block comes
	parts  *parts.Cache

	syncing sync.Mutex // one barrier at a time
	mu      sync.Mutex // of everything below
	journal *journal.Journal
	has     *protocol.BlockSet
	dirty   map[string]bool        // staged files written since the last barrier
	recent  []protocol.BlockNumber // blocks written since then
	bytes   uint64                 // of the stream that are there
	pending int                    // bytes written since the last barrier
	broken  error                  // a barrier failed: what is on disk is not known any more

	outcomes record.Outcomes
	wrote    *protocol.BlockSet // entries that may have lain here when this was staged; nil: nobody asks
	before   diskfs.Names       // what DIR/GROUP had then, if that may be what is to come
	unlooked atomic.Bool        // whether these lie here as they are promised is not known yet
	unsaid   []int              // files that could not be written: the next commit records them
	excused  atomic.Uint64      // errors that were plainly an entry's own
	made     map[int]bool       // folders that this transfer made
	named    map[string]bool    // folders that got a folder since the last barrier
	walked   map[string]bool    // folders whose own names a barrier of this transfer covers
}

// part is the staged file that holds file i, and where in it the file begins.
func (g *Staging) part(i int) (name string, offset uint64) {
	if g.layout.Stored(i) >= bigFile {
		return g.big(i), 0
	}
	return g.name + "/" + packName, g.layout.Packed(i)
}

// big is the staged file of its own that large file i has.
func (g *Staging) big(i int) string { return g.name + "/f" + strconv.Itoa(i) }

// where is the staged file that a block goes to, where in it the block begins, and the file's size; 0: it grows.
func (g *Staging) where(b protocol.BlockNumber) (name string, at uint64, size int64, ok bool) {
	i, at, ok := g.layout.Place(b)
	if i < 0 {
		return g.name + "/" + packName, at, 0, ok
	}
	return g.big(i), at, int64(g.layout.Stored(i)), ok
}

// add counts a block of the stream as there.
func (g *Staging) add(b protocol.BlockNumber) {
	if n, known := g.layout.Length(b); known && b >= g.layout.FirstStream() && g.has.Add(b) {
		g.bytes += uint64(n)
	}
}

// touch marks the staged file of a block as not durable yet.
func (g *Staging) touch(b protocol.BlockNumber) {
	if name, _, _, ok := g.where(b); ok {
		g.dirty[name] = true
	}
}

// WriteBlock writes a verified block into its own extents and journals it. A block that is
// there already is not written again.
func (g *Staging) WriteBlock(n protocol.BlockNumber, data []byte) error {
	if length, known := g.layout.Length(n); !known || length != len(data) {
		return fmt.Errorf("write block %d: it has %d bytes, not %d", n, length, len(data))
	}
	g.mu.Lock()
	there, err := g.has.Has(n), g.broken
	g.mu.Unlock()
	if there || err != nil || n < g.layout.FirstStream() {
		return err
	}
	name, err := g.write(n, data)
	if err != nil {
		return g.unwritten(n, fmt.Errorf("write block %d: %w", n, err))
	}
	if due, err := g.note(n, name, len(data)); err != nil || !due {
		return err
	}
	return g.Sync()
}

// write puts a block into its staged file, which is made and given its space when the first
// block comes: the files of a block lie one after another there, as they do in the stream.
func (g *Staging) write(n protocol.BlockNumber, data []byte) (string, error) {
	name, at, size, ok := g.where(n)
	if !ok {
		return "", fmt.Errorf("it holds no file")
	}
	if i, _, _ := g.layout.Place(n); i >= 0 && g.layout.Sparse(i) {
		g.parts.Sparse(name)
	}
	h, err := g.parts.Take(name, size)
	if err != nil {
		return "", err
	}
	defer g.parts.Release(h)
	_, err = h.WriteAt(data, int64(at))
	return name, err
}

// note journals a block that was written and says whether a barrier is due.
func (g *Staging) note(n protocol.BlockNumber, name string, length int) (due bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.has.Has(n) {
		return false, nil
	}
	if err := g.journal.Add(journal.Written, uint32(n)); err != nil {
		return false, err
	}
	g.add(n)
	g.dirty[name] = true
	g.recent = append(g.recent, n)
	g.pending += length
	return g.pending >= syncEvery, nil
}

// Sync makes what was written durable and says so in the journal.
func (g *Staging) Sync() error {
	g.syncing.Lock()
	defer g.syncing.Unlock()
	g.mu.Lock()
	names := slices.Sorted(maps.Keys(g.dirty))
	clear(g.dirty)
	recent, written, err := g.recent, g.journal.Written(), g.broken
	g.recent, g.pending = nil, 0
	g.mu.Unlock()
	if len(names) == 0 || err != nil {
		return err
	}
	bad, err := g.syncParts(names)
	if err := g.take(bad, recent, err); err != nil {
		return err
	}
	// Blocks are noted while the disk is waited for.
	if err := g.layout.Durable(); err != nil {
		return err
	}
	g.mu.Lock()
	err = g.journal.Barrier(written)
	g.mu.Unlock()
	if err != nil {
		return err
	}
	return g.journal.Sync()
}

// take takes what became of staged files that were to be made durable.
func (g *Staging) take(bad map[int]error, recent []protocol.BlockNumber, err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, why := range bad {
		if err := g.giveUpFile(i, why); err != nil {
			return err
		}
	}
	if err != nil {
		return g.giveUp(recent, err)
	}
	return nil
}

// giveUp forgets what was not made durable: after a barrier that failed the system may give
// back as written what it never wrote, so a second try would prove nothing.
func (g *Staging) giveUp(recent []protocol.BlockNumber, err error) error {
	g.broken = err
	lost := make([]uint32, 0, len(recent)+len(g.recent))
	for _, b := range append(recent, g.recent...) {
		if n, _ := g.layout.Length(b); g.has.Remove(b) {
			g.bytes -= uint64(n)
		}
		lost = append(lost, uint32(b))
	}
	return errors.Join(err, g.journal.Add(journal.Lost, lost...))
}

// syncAll makes everything durable at once if that pays for n things and the system can.
func (g *Staging) syncAll(n int) (done bool, err error) {
	if n < syncAllFrom {
		return false, nil
	}
	err = g.spool.fs.SyncAll()
	if errors.Is(err, errors.ErrUnsupported) {
		return false, nil
	}
	if err != nil {
		err = trouble.Disk(fmt.Errorf("make everything durable: %w", err))
	}
	return true, err
}

// syncParts makes staged files durable; bad are big files that the disk fails for alone.
func (g *Staging) syncParts(names []string) (bad map[int]error, err error) {
	if done, err := g.syncAll(len(names)); done {
		return nil, err
	}
	for _, name := range names {
		err := g.syncPart(name)
		if err == nil {
			continue
		}
		err = fmt.Errorf("make %s durable: %w", path.Base(name), err)
		i, alone := bigPart(name)
		if sick := g.blame(err); sick != nil || !alone {
			return bad, trouble.Disk(err)
		}
		if bad == nil {
			bad = map[int]error{}
		}
		bad[i] = err
	}
	if err := g.spool.fs.SyncFolder(g.name); err != nil {
		return bad, trouble.Disk(err)
	}
	return bad, nil
}

// syncPart makes a staged file durable; one that has moved to its final name was before.
func (g *Staging) syncPart(name string) error {
	h, err := g.parts.Take(name, -1)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer g.parts.Release(h)
	return h.Sync()
}

// ReadBlock reads a block that was written, as long as its files are in the staging.
func (g *Staging) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) {
	g.mu.Lock()
	there := g.has.Has(n)
	g.mu.Unlock()
	if !there {
		return 0, fmt.Errorf("read block %d: it is not there", n)
	}
	return g.read(n, buf)
}

func (g *Staging) read(n protocol.BlockNumber, buf []byte) (int, error) {
	length, _ := g.layout.Length(n)
	name, at, _, ok := g.where(n)
	if !ok || len(buf) < length {
		return 0, fmt.Errorf("read block %d: not a block of files, or no room for it", n)
	}
	if g.layout.Hole(n) {
		clear(buf[:length])
		return length, nil
	}
	h, err := g.parts.Take(name, -1)
	if err != nil {
		return 0, fmt.Errorf("read block %d: %w", n, err)
	}
	defer g.parts.Release(h)
	got, err := h.ReadAt(buf[:length], int64(at))
	if got < length {
		return 0, fmt.Errorf("read block %d: %d of %d bytes are there: %w", n, got, length,
			errors.Join(io.ErrUnexpectedEOF, err))
	}
	return length, nil
}

// Has is a copy of the set of session blocks that need not be fetched.
func (g *Staging) Has() *protocol.BlockSet {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.has.Clone()
}

// Missing is how many blocks are still to come; Bytes how much of the stream is there.
func (g *Staging) Missing() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.has.Len() - g.has.Count()
}

// Bytes is how many bytes of the stream are there.
func (g *Staging) Bytes() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.bytes
}

// Close closes the files; the staging stays on disk for a resume.
func (g *Staging) Close() error {
	g.spool.cfg.Shared.leave(g)
	err := g.Sync()
	return errors.Join(err, g.parts.CloseAll(), g.journal.Close())
}

// closeList closes what the layout reads.
func (g *Staging) closeList() error {
	if g.list == nil {
		return nil
	}
	return g.list.Close()
}

// Remove deletes the staging: when it is done, or given up.
func (g *Staging) Remove() error {
	g.spool.cfg.Shared.leave(g)
	err := errors.Join(g.parts.CloseAll(), g.journal.Close())
	return errors.Join(err, g.spool.discard(g.no))
}

// Layout is the whole layout of the transfer.
func (g *Staging) Layout() *manifest.Layout { return g.listed }
