// Package packs keeps the bytes of uploads in a bucket. The files of an upload are one stream, in the order of their
// paths, and each 8 MiB of it are an object, a pack: it is written once, as soon as every byte of it came. Until then
// its bytes wait in the upload's folder. There, too, is how much of each file came, and the digest of every block of
// the stream, by which each block that comes back is judged (docs/adr/0017-content-in-a-bucket.md).
package packs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/groupcast/groupcast/internal/blockcache"
	"github.com/groupcast/groupcast/internal/bucket"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/stored"
)

// Bucket is where packs are (*bucket.Bucket).
type Bucket interface {
	Put(ctx context.Context, key string, body []byte) error
	Get(ctx context.Context, key string, off, length, size int64) (io.ReadCloser, error)
	Read(ctx context.Context, key string) ([]byte, error)
	Each(ctx context.Context, prefix string, see func(bucket.Object) error) error
	Delete(ctx context.Context, key string) error
}

// Config says what a Keeper is made of.
type Config struct {
	Dir    string // of the uploads
	Server string // whose bucket it is: nobody else may use the same prefix
	Bucket Bucket
	Cache  *blockcache.Space
	Close  func() error // of what the cache is in; may be nil
	Log    *slog.Logger
	Now    func() time.Time
}

// How many requests go on at once, and how long somebody waits for a bucket that does not answer.
const (
	putsAtOnce = 8
	getsAtOnce = 16
	patience   = time.Minute
)

// Keeper keeps the bytes of uploads. It is safe for concurrent use.
type Keeper struct {
	cfg      Config
	life     context.Context
	end      context.CancelFunc
	running  sync.WaitGroup
	puts     chan struct{}
	gets     chan struct{}
	patience time.Duration

	mu       sync.Mutex
	closed   bool
	claimed  bool // the bucket is known to be this server's
	uploads  map[string]*upload
	contents []*content // those that were opened last
}

// New makes a Keeper; Close ends what it does.
func New(c Config) *Keeper {
	k := &Keeper{
		cfg: c, puts: make(chan struct{}, putsAtOnce), gets: make(chan struct{}, getsAtOnce), patience: patience,
		uploads: map[string]*upload{},
	}
	k.life, k.end = context.WithCancel(context.Background())
	return k
}

// Close ends everything that goes on.
func (k *Keeper) Close() error {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.end()
	k.running.Wait()
	if k.cfg.Close == nil {
		return nil
	}
	return k.cfg.Close()
}

// background runs f beside everything else, until Close; false: it is closed.
func (k *Keeper) background(f func()) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closed {
		k.running.Go(f)
	}
	return !k.closed
}

// Of gives the bytes of an upload.
func (k *Keeper) Of(id string, files []manifest.File) stored.Bytes {
	return &afar{k, id, filepath.Join(k.cfg.Dir, id, stored.AfarName), files}
}

// Has says whether an upload's bytes are in the bucket.
func (k *Keeper) Has(id string) bool { return stored.Afar(k.cfg.Dir, id) }

// OnDisk is false: only what waits for the rest of its pack is.
func (k *Keeper) OnDisk() bool { return false }

// markKey is the object that says whose the bucket is.
const markKey = "groupcast-server"

// errTaken says that a bucket is another server's.
var errTaken = errors.New("another groupcast server keeps its files there: give each a prefix of its own")

// Claim makes sure that the bucket is this server's: without its mark nothing in it is believed to be missing, and
// nothing is written or deleted.
func (k *Keeper) Claim(ctx context.Context) error {
	k.mu.Lock()
	claimed := k.claimed
	k.mu.Unlock()
	if claimed {
		return nil
	}
	mark, err := k.cfg.Bucket.Read(ctx, markKey)
	if errors.Is(err, bucket.ErrGone) {
		if err = k.cfg.Bucket.Put(ctx, markKey, []byte(k.cfg.Server)); err == nil {
			mark, err = k.cfg.Bucket.Read(ctx, markKey)
		}
	}
	switch {
	case err != nil:
		return err
	case string(mark) != k.cfg.Server:
		return errTaken
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.claimed = true
	return nil
}

// there says whether the bucket is the one that packs were written to, at this moment.
func (k *Keeper) there(ctx context.Context) bool {
	mark, err := k.cfg.Bucket.Read(ctx, markKey)
	return err == nil && string(mark) == k.cfg.Server
}

func keyOf(id string, pack int) string { return fmt.Sprintf("%s%08d", prefixOf(id), pack) }

func prefixOf(id string) string { return uploadsPrefix + id + "/" }

const uploadsPrefix = "uploads/"

// afar is the bytes of one upload.
type afar struct {
	k     *Keeper
	id    string
	dir   string
	files []manifest.File
}

// Folder is none: nobody reads the files there.
func (b *afar) Folder() string { return "" }

// Make makes the folder in which packs wait.
func (b *afar) Make() error {
	if err := os.Mkdir(b.dir, 0o700); err != nil {
		return stored.CannotWrite(b.id, err)
	}
	if err := makeEmpty(filepath.Join(b.dir, haveName), int64(len(b.files))*haveBytes); err != nil {
		return stored.CannotWrite(b.id, err)
	}
	l := layOut(b.files)
	if err := makeEmpty(filepath.Join(b.dir, leavesName), int64(l.packs())*leavesOfPack); err != nil {
		return stored.CannotWrite(b.id, err)
	}
	return nil
}

// makeEmpty makes a file of zeros.
func makeEmpty(name string, size int64) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}

// Have reads how much of each file came.
func (b *afar) Have() ([]uint64, error) { return readHave(b.dir, b.files) }

// Remove deletes the packs beside whatever goes on. What is left because of a crash, or because the bucket is away,
// goes with the next sweeps.
func (b *afar) Remove() error {
	b.k.mu.Lock()
	u := b.k.uploads[b.id]
	delete(b.k.uploads, b.id)
	b.k.contents = slices.DeleteFunc(b.k.contents, func(c *content) bool { return c.id == b.id })
	b.k.mu.Unlock()
	b.k.background(func() {
		if u != nil {
			u.end()
			_ = u.await() // what is being written would come after it was deleted
		}
		if err := b.k.deletePacks(b.k.life, b.id); err != nil && b.k.life.Err() == nil {
			b.k.cfg.Log.Warn("a deleted upload is still in the bucket; it goes with the next sweep", "upload", b.id,
				"err", err)
		}
	})
	return nil
}

func (k *Keeper) deletePacks(ctx context.Context, id string) error {
	if err := k.Claim(ctx); err != nil {
		return err
	}
	return k.cfg.Bucket.Each(ctx, prefixOf(id), func(o bucket.Object) error { return k.cfg.Bucket.Delete(ctx, o.Key) })
}
