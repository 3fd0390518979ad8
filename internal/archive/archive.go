// Package archive finds files in everything that was ever sent: in the lists of content that is kept, and
// in those that outlive it.
package archive

import (
	"context"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// Store is what a search reads of the database (store.Store).
type Store interface {
	TransfersBefore(ctx context.Context, no protocol.TransferNo, limit int) ([]store.Transfer, error)
	HeldFiles(ctx context.Context, no protocol.TransferNo, w groupcast.Window) (groupcast.Page[groupcast.FileEntry], error)
}

// Library gives the list of content that is kept (*content.Library).
type Library interface {
	Files(id string, w groupcast.Window) (files []manifest.File, total int, err error)
}

// The bounds of one search: what is not looked at by then is left for the next one.
const (
	maxFiles    = 1000
	maxTime     = 2 * time.Second
	atOnce      = 50 // transfers read from the store at a time
	filesAtOnce = 4096
	keptAtOnce  = 65_536 // of a list that lies on the disk, which is read from its beginning each time
)

// Find looks for files by a part of their path, the newest transfer first. It ends after the transfer with
// which the limit or two seconds are reached; Before in the answer then says where to continue. One transfer
// gives 1,000 files at most. Errors are the store's; EInvalid: the query names nothing.
func Find(
	ctx context.Context, s Store, lib Library, now func() time.Time, q groupcast.SentFileQuery,
) (out groupcast.SentFiles, err error) {
	if q.Name == "" && q.Digest == "" {
		return out, groupcast.Errorf(groupcast.EInvalid, "say a part of the file's name, or its digest")
	}
	if q.Limit <= 0 || q.Limit > maxFiles {
		q.Limit = maxFiles
	}
	f := finder{store: s, library: lib, name: strings.ToLower(q.Name), digest: strings.ToLower(q.Digest)}
	end := now().Add(maxTime)
	for before := q.Before; ; {
		rows, err := s.TransfersBefore(ctx, before, atOnce)
		if err != nil {
			return groupcast.SentFiles{}, err
		}
		for _, tr := range rows {
			found, err := f.in(ctx, tr)
			if err != nil {
				return groupcast.SentFiles{}, err
			}
			out.Rows = append(out.Rows, found...)
			if before = tr.No; len(out.Rows) >= q.Limit || now().After(end) {
				out.Before = before
				return out, nil
			}
		}
		if len(rows) < atOnce {
			return out, nil
		}
	}
}

type finder struct {
	store   Store
	library Library
	name    string // in lower case
	digest  string // how it begins
}

// in gives the files of one transfer that are called like that.
func (f *finder) in(ctx context.Context, tr store.Transfer) (out []groupcast.SentFile, err error) {
	err = f.each(ctx, tr, func(e groupcast.FileEntry) bool {
		if e.Kind == "file" && strings.Contains(strings.ToLower(e.Path), f.name) &&
			(f.digest == "" || strings.HasPrefix(e.Digest.String(), f.digest)) {
			out = append(out, groupcast.SentFile{
				Transfer: tr.No, Group: tr.Group, Path: e.Path, Size: e.Size, Digest: e.Digest, Hash: tr.FileHash,
				At: tr.CreatedAt, State: tr.State, Verified: tr.Verified, Devices: tr.Devices(),
			})
		}
		return len(out) < maxFiles
	})
	return out, err
}

// each hands out what a transfer held, entry by entry, until there is no more or see says no.
func (f *finder) each(ctx context.Context, tr store.Transfer, see func(groupcast.FileEntry) bool) error {
	if tr.ContentGone {
		return f.eachHeld(ctx, tr.No, see)
	}
	for from := 0; ; from += keptAtOnce {
		files, total, err := f.library.Files(tr.Content, groupcast.Window{From: from, Limit: keptAtOnce})
		if err != nil {
			return nil //nolint:nilerr // its list cannot be read any more; those of the others can
		}
		for i := range files {
			if !see(content.Listing(files[i : i+1])[0]) {
				return nil
			}
		}
		if from+len(files) >= total {
			return nil
		}
	}
}

func (f *finder) eachHeld(ctx context.Context, no protocol.TransferNo, see func(groupcast.FileEntry) bool) error {
	for from := 0; ; from += filesAtOnce {
		files, err := f.store.HeldFiles(ctx, no, groupcast.Window{From: from, Limit: filesAtOnce})
		if err != nil {
			return err
		}
		for _, e := range files.Rows {
			if !see(e) {
				return nil
			}
		}
		if len(files.Rows) < filesAtOnce {
			return nil
		}
	}
}
