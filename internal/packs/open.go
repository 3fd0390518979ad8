package packs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/blockcache"
	"github.com/groupcast/groupcast/internal/bucket"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/units"
)

// Options are what Open makes a Keeper of.
type Options struct {
	Address string // of the bucket
	Dir     string // that the server has in its home
	Server  string // its ID
	Log     *slog.Logger
}

// cacheBytes is how much of the disk blocks take that were read from a bucket, unless its address says something else.
const cacheBytes = 4 << 30

// smallestCache has room for what is fetched ahead.
const smallestCache = 2 * getsAtOnce * packBytes

// startPatience is how long a start waits for the bucket.
const startPatience = 10 * time.Second

// Open makes a Keeper with a cache that is empty. A bucket that does not answer is no error: what lies there is
// unavailable until it does. One that refuses, or that is another server's, is.
func Open(ctx context.Context, o Options) (*Keeper, error) {
	at, err := bucket.ParseAddress(o.Address)
	if err != nil {
		return nil, err
	}
	cacheSize := uint64(cacheBytes)
	if at.Cache != "" {
		if cacheSize, err = units.ParseSize(at.Cache); err != nil {
			return nil, err
		}
	}
	if cacheSize < smallestCache {
		return nil, groupcast.Errorf(groupcast.EInvalid, "the cache of the bucket is too small").
			WithHint("give it 1GiB, for example")
	}
	b, err := bucket.Open(at)
	if err != nil {
		return nil, err
	}
	cache, closeCache, err := openCache(filepath.Join(o.Dir, "cache"), cacheSize)
	if err != nil {
		return nil, err
	}
	k := New(Config{
		Dir: filepath.Join(o.Dir, "uploads"), Server: o.Server, Bucket: b, Cache: cache, Close: closeCache,
		Log: o.Log, Now: time.Now,
	})
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	err = k.Claim(ctx)
	switch {
	case errors.Is(err, errTaken), bucket.Refused(err):
		return nil, errors.Join(groupcast.Errorf(groupcast.EInvalid, "the bucket cannot be used: %s", err).
			WithHint("check its address and its keys"), k.Close())
	case err != nil:
		o.Log.Warn("the bucket does not answer; what lies there waits for it", "err", err)
	}
	return k, nil
}

// openCache makes an empty cache, with a key that nobody has afterwards.
func openCache(dir string, bytes uint64) (s *blockcache.Space, closed func() error, err error) {
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return nil, nil, fmt.Errorf("empty the cache of the bucket: %w", err)
	}
	files, err := diskfs.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	cache, err := blockcache.Open(blockcache.Config{FS: files, Quota: bytes, Sum: format2.LeafDigest, Now: time.Now})
	if err == nil {
		var key [blockcache.KeyBytes]byte
		rand.Read(key[:])
		s, err = cache.Space(key)
	}
	if err != nil {
		return nil, nil, errors.Join(err, files.Close())
	}
	return s, files.Close, nil
}
