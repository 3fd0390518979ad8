package packs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/groupcast/groupcast/internal/bucket"
)

// orphanAge is how old an object is that goes because no upload has it, and sweepEvery how often they are looked for.
const (
	orphanAge  = 24 * time.Hour
	sweepEvery = time.Hour
)

// Run sweeps now and then, until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		switch n, err := k.Sweep(ctx); {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			k.cfg.Log.Warn("the bucket could not be swept; it is tried again", "err", err)
		case n > 0:
			k.cfg.Log.Info("objects were deleted that no upload has", "objects", n)
		}
		if bucket.Pause(ctx, sweepEvery) != nil {
			return nil
		}
	}
}

// Sweep deletes the packs of uploads that are not there any more, once they are a day old: an upload that was deleted
// while the bucket was away, or while one of its packs was being written.
func (k *Keeper) Sweep(ctx context.Context) (deleted int, err error) {
	if err := k.Claim(ctx); err != nil {
		return 0, err
	}
	before := k.cfg.Now().Add(-orphanAge)
	id, there := "", false
	err = k.cfg.Bucket.Each(ctx, uploadsPrefix, func(o bucket.Object) error {
		name, _, ours := strings.Cut(strings.TrimPrefix(o.Key, uploadsPrefix), "/")
		if !ours || name == "" || !filepath.IsLocal(name) || !o.At.Before(before) {
			return nil
		}
		if name != id {
			is, err := k.knows(name)
			if err != nil {
				return err
			}
			id, there = name, is
		}
		if there {
			return nil
		}
		deleted++
		return k.cfg.Bucket.Delete(ctx, o.Key)
	})
	return deleted, err
}

// knows says whether there is an upload; in doubt there is.
func (k *Keeper) knows(id string) (bool, error) {
	if _, err := os.Stat(k.cfg.Dir); err != nil {
		return true, fmt.Errorf("look for uploads: %w", err)
	}
	_, err := os.Stat(filepath.Join(k.cfg.Dir, id))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return true, fmt.Errorf("look for an upload: %w", err)
	}
	return true, nil
}
