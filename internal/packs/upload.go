package packs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/stored"
)

// upload is one that is not complete. It is safe for concurrent use.
type upload struct {
	layout
	k    *Keeper
	id   string
	dir  string
	life context.Context // until it is complete or deleted
	end  context.CancelFunc

	mu      sync.Mutex
	idle    *sync.Cond // a pack is not being written any more
	lacks   []int      // bytes that did not come, of each pack
	state   []packState
	writing int   // packs
	failed  error // the last one that could not be written; nil: none, or somebody was told
}

type packState uint8

const (
	waiting packState = iota // for the rest of it, or for the bucket
	writing
	kept // in the bucket, and its digests are durable
)

// upload gives what is known of an unfinished upload.
func (b *afar) upload() (*upload, error) {
	b.k.mu.Lock()
	defer b.k.mu.Unlock()
	if u := b.k.uploads[b.id]; u != nil {
		return u, nil
	}
	u := &upload{layout: layOut(b.files), k: b.k, id: b.id, dir: b.dir}
	if err := u.load(); err != nil {
		return nil, err
	}
	u.idle = sync.NewCond(&u.mu)
	u.life, u.end = context.WithCancel(b.k.life)
	b.k.uploads[b.id] = u
	return u, nil
}

// load reads what came.
func (u *upload) load() error {
	have, err := readHave(u.dir, u.files)
	if err != nil {
		return err
	}
	digests, err := os.Open(filepath.Join(u.dir, leavesName))
	if err != nil {
		return fmt.Errorf("read the digests of an upload: %w", err)
	}
	defer digests.Close()
	u.lacks, u.state = make([]int, u.packs()), make([]packState, u.packs())
	for pack := range u.lacks {
		u.lacks[pack] = u.packLength(pack)
		leaves, err := readLeaves(digests, pack)
		if err != nil {
			return err
		}
		if !u.known(pack, leaves) {
			continue
		}
		u.state[pack] = kept
		if err := u.drop(pack); err != nil { // a crash came before that
			return err
		}
	}
	for i := range u.files {
		if u.files[i].Kind == manifest.KindFile {
			eachPack(u.starts[i], u.starts[i]+have[i], func(pack int, bytes uint64) { u.lacks[pack] -= int(bytes) })
		}
	}
	return nil
}

// drop removes a pack that waited.
func (u *upload) drop(pack int) error {
	err := os.Remove(filepath.Join(u.dir, waitingName(pack)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// came notes that so many bytes of a pack came; it is written once it is whole. Whoever brings them waits while enough
// others are being written.
func (u *upload) came(pack, bytes int) {
	if !u.whole(pack, bytes) {
		return
	}
	release, err := u.slot()
	if err != nil {
		u.done(pack, err)
		return
	}
	goes := u.k.background(func() {
		defer release()
		u.done(pack, u.write(pack))
	})
	if !goes {
		release()
		u.done(pack, context.Canceled)
	}
}

// whole says whether a pack is whole by that, and takes it to be written.
func (u *upload) whole(pack, bytes int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.lacks[pack] -= bytes; u.lacks[pack] > 0 || u.state[pack] != waiting {
		return false
	}
	u.take(pack)
	return true
}

// take notes that a pack is being written; the lock is held.
func (u *upload) take(pack int) {
	u.state[pack] = writing
	u.writing++
}

func (u *upload) done(pack int, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.writing--
	if u.state[pack] = kept; err != nil {
		u.state[pack], u.failed = waiting, err
	}
	u.idle.Broadcast()
}

// slot waits for a turn to write.
func (u *upload) slot() (release func(), err error) {
	select {
	case u.k.puts <- struct{}{}:
		return func() { <-u.k.puts }, nil
	case <-u.life.Done():
		return nil, u.life.Err()
	}
}

// write puts a pack into the bucket.
func (u *upload) write(pack int) error {
	data, err := os.ReadFile(filepath.Join(u.dir, waitingName(pack)))
	if err != nil {
		return fmt.Errorf("read what came: %w", err)
	}
	if len(data) != u.packLength(pack) {
		return fmt.Errorf("%d bytes wait of a pack that has %d", len(data), u.packLength(pack))
	}
	leaves := leavesOf(data)
	ctx, cancel := context.WithTimeout(u.k.life, u.k.patience)
	defer cancel()
	if err := u.k.Claim(ctx); err != nil {
		return err
	}
	if err := u.k.cfg.Bucket.Put(ctx, keyOf(u.id, pack), data); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(u.dir, leavesName), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(leaves, int64(pack)*leavesOfPack)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return u.drop(pack)
}

// settle writes the packs that are whole and were not written, because the server or the bucket went away.
func (u *upload) settle() error {
	u.mu.Lock()
	u.failed = nil
	var left []int
	for pack, state := range u.state {
		if state == waiting && u.lacks[pack] == 0 {
			u.take(pack)
			left = append(left, pack)
		}
	}
	u.mu.Unlock()
	var all errgroup.Group
	all.SetLimit(putsAtOnce)
	for _, pack := range left {
		all.Go(func() error {
			release, err := u.slot()
			if err == nil {
				err = u.write(pack)
				release()
			}
			u.done(pack, err)
			return err
		})
	}
	return inWords(all.Wait())
}

// trouble is why a pack could not be written; it is told once.
func (u *upload) trouble() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	err := u.failed
	u.failed = nil
	return inWords(err)
}

// inWords says that what came cannot be kept now.
func inWords(err error) error {
	var broken *fs.PathError
	if err == nil || errors.As(err, &broken) {
		return err
	}
	return groupcast.Errorf(groupcast.EUnavailable, "the server cannot keep what came: %s", err).
		WithHint("try again; nothing that came is lost").Wrap(err)
}

// await waits until no pack is being written, and says why one could not be.
func (u *upload) await() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for u.writing > 0 {
		u.idle.Wait()
	}
	return u.failed
}

// Sync makes durable what waits.
func (b *afar) Sync() error {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return fmt.Errorf("make an upload durable: %w", err)
	}
	for _, e := range entries {
		f, err := os.OpenFile(filepath.Join(b.dir, e.Name()), os.O_WRONLY, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was written to the bucket meanwhile
		}
		if err != nil {
			return fmt.Errorf("make an upload durable: %w", err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("make an upload durable: %w", err)
		}
	}
	return durable.SyncFolder(b.dir)
}

// Distrust gives up what waits: of each file counts what is in the bucket, up to the first byte that is not.
func (b *afar) Distrust() error {
	u, err := b.upload()
	if err != nil {
		return err
	}
	have, err := readHave(b.dir, b.files)
	if err != nil {
		return err
	}
	raw := make([]byte, 0, len(have)*haveBytes)
	for i := range b.files {
		if b.files[i].Kind != manifest.KindFile {
			have[i] = 0
		}
		good, gap := uint64(0), false
		eachPack(u.starts[i], u.starts[i]+have[i], func(pack int, bytes uint64) {
			if gap = gap || u.state[pack] != kept; !gap {
				good += bytes
			}
		})
		raw = binary.BigEndian.AppendUint64(raw, good)
	}
	for pack, state := range u.state {
		if state != kept {
			if err := u.drop(pack); err != nil {
				return err
			}
		}
	}
	if err := durable.WriteFile(filepath.Join(b.dir, haveName), raw); err != nil {
		return err
	}
	b.forget()
	return nil
}

// forget has the upload read again when it is needed.
func (b *afar) forget() {
	b.k.mu.Lock()
	defer b.k.mu.Unlock()
	if u := b.k.uploads[b.id]; u != nil {
		u.end()
		delete(b.k.uploads, b.id)
	}
}

// Finish has every pack in the bucket.
func (b *afar) Finish() error {
	u, err := b.upload()
	if err != nil {
		return err
	}
	if err := u.settle(); err != nil {
		return err
	}
	err = inWords(u.await())
	u.mu.Lock()
	for pack := range u.state {
		if err == nil && u.state[pack] != kept {
			err = fmt.Errorf("a part of the upload is not in the bucket: pack %d", pack)
		}
	}
	u.mu.Unlock()
	if err != nil {
		return err
	}
	b.forget()
	return b.Sync()
}

// Append opens a file to write behind what it has. What waits for the bucket goes there first, so that it does not pile
// up here.
func (b *afar) Append(at int) (stored.Sink, error) {
	u, err := b.upload()
	if err != nil {
		return nil, err
	}
	if err := u.settle(); err != nil {
		return nil, err
	}
	have, err := u.haveOf(at)
	if err != nil {
		return nil, err
	}
	return &sink{u: u, at: at, have: have}, nil
}

func (u *upload) haveOf(at int) (uint64, error) {
	f, err := os.Open(filepath.Join(u.dir, haveName))
	if err != nil {
		return 0, fmt.Errorf("read how much of a file came: %w", err)
	}
	defer f.Close()
	var raw [haveBytes]byte
	if _, err := f.ReadAt(raw[:], int64(at)*haveBytes); err != nil {
		return 0, fmt.Errorf("read how much of a file came: %w", err)
	}
	return binary.BigEndian.Uint64(raw[:]), nil
}

// sink is a file that comes.
type sink struct {
	u    *upload
	at   int
	have uint64 // noted
	more uint64 // and written, of the pack at hand
	pack int
	file *os.File // of the pack at hand; nil: none is open
}

// Have is what was written.
func (s *sink) Have() uint64 { return s.have + s.more }

// Write writes what came into the packs that wait.
func (s *sink) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		if err := s.u.trouble(); err != nil {
			return n, err
		}
		pos := s.u.starts[s.at] + s.Have()
		if err := s.open(int(pos / packBytes)); err != nil {
			return n, err
		}
		off := pos % packBytes
		part := b[:min(uint64(len(b)), packBytes-off)]
		m, err := s.file.WriteAt(part, int64(off))
		n, b, s.more = n+m, b[m:], s.more+uint64(m)
		if err != nil {
			return n, err
		}
		if off+uint64(m) == packBytes {
			if err := s.note(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (s *sink) open(pack int) (err error) {
	if s.file != nil && s.pack == pack {
		return nil
	}
	s.pack = pack
	s.file, err = os.OpenFile(filepath.Join(s.u.dir, waitingName(pack)), os.O_WRONLY|os.O_CREATE, 0o600)
	return err
}

// note notes what came of the pack at hand, and lets go of it.
func (s *sink) note() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.file = nil; err != nil {
		s.more = 0
		return err
	}
	if s.more == 0 {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(s.u.dir, haveName), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(binary.BigEndian.AppendUint64(nil, s.have+s.more), int64(s.at)*haveBytes)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	came := int(s.more)
	s.have, s.more = s.have+s.more, 0
	s.u.came(s.pack, came)
	return nil
}

// Sync notes what came; it is durable once its pack is in the bucket.
func (s *sink) Sync() error { return s.note() }

// Close notes what came.
func (s *sink) Close() error { return s.note() }
