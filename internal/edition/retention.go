package edition

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// RetryFor is for how long what ended badly can be retried.
const RetryFor = 7 * 24 * time.Hour

// ProofManifest bounds the manifest in a proof, which has the names: bytes.
const ProofManifest = 256 << 10

// Sweep deletes content that is not needed any more. What may be retried takes so many bytes at most.
func (e *Editions) Sweep(ctx context.Context, now time.Time, space uint64) {
	closed, err := e.closedWithContent(ctx)
	if err != nil {
		e.Log.Error("kept content could not be listed", "err", err)
		return
	}
	for _, no := range outlived(closed, now, space) {
		e.Free(ctx, no)
	}
}

// closedWithContent lists the closed transfers that still have content. Content without a transfer was left
// by a crash, or by a transfer that has other content now.
func (e *Editions) closedWithContent(ctx context.Context) ([]store.Transfer, error) {
	names, err := e.Library.Names()
	if err != nil {
		return nil, err
	}
	var out []store.Transfer
	for _, name := range names {
		tr, err := e.Store.TransferOfContent(ctx, name)
		switch {
		case groupcast.ErrorCode(err) == groupcast.ENotFound:
			if err := e.Library.Forget(name); err != nil {
				return nil, fmt.Errorf("removing content of no transfer: %w", err)
			}
		case err != nil:
			return nil, err
		case !tr.State.Open() && !tr.ContentGone:
			out = append(out, tr)
		}
	}
	return out, nil
}

// outlived returns the transfers that lose their content: those that ended too long ago, and the oldest of
// those that take more than space bytes together.
func outlived(closed []store.Transfer, now time.Time, space uint64) []protocol.TransferNo {
	slices.SortFunc(closed, func(a, b store.Transfer) int {
		return cmp.Or(b.EndedAt.Compare(a.EndedAt), cmp.Compare(b.No, a.No))
	})
	var out []protocol.TransferNo
	var kept uint64
	for _, tr := range closed {
		size := onDisk(tr)
		if !tr.EndedAt.Add(RetryFor).After(now) || kept+size > space {
			out = append(out, tr.No)
			continue
		}
		kept += size
	}
	return out
}

// onDisk is what the server itself holds of a transfer: files read in place are not its own.
func onDisk(tr store.Transfer) uint64 {
	lists := tr.ManifestBytes + tr.SkeletonBytes
	if tr.InPlace {
		return lists
	}
	return tr.Bytes + lists
}

// Free removes what the server holds of a transfer. What was read in place stays.
func (e *Editions) Free(ctx context.Context, no protocol.TransferNo) {
	tr, err := e.Store.Transfer(ctx, no)
	if err == nil && !tr.ContentGone {
		err = e.keepFiles(ctx, no, tr.Content)
	}
	if err == nil {
		err = e.Library.Remove(tr.Content)
	}
	if err != nil {
		e.Log.Error("the content of a transfer could not be removed", "transfer", no, "err", err)
		return
	}
	if err := e.Store.SetContentGone(ctx, no); err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		e.Log.Error("removed content could not be noted", "transfer", no, "err", err)
	}
}

// keptAtOnce is how many entries are kept at a time: their list may have a million.
const keptAtOnce = 65_536

// keepFiles notes what a transfer held before its content goes. A list that cannot be read any more
// keeps nothing alive.
func (e *Editions) keepFiles(ctx context.Context, no protocol.TransferNo, id string) error {
	k, err := e.Library.Kept(id)
	for from, total := 0, 1; from < total && err == nil; from += keptAtOnce {
		var files []manifest.File
		files, total, err = e.Library.Files(id, groupcast.Window{From: from, Limit: keptAtOnce})
		if err != nil {
			break
		}
		if err := e.Store.KeepFiles(ctx, no, from, content.Listing(files)); err != nil {
			return err
		}
	}
	if err != nil {
		e.Log.Warn("what a transfer held is not known any more", "transfer", no, "err", err)
		return nil
	}
	if k.Paged {
		return nil
	}
	m, _, err := e.Library.Manifest(id)
	if err != nil {
		e.Log.Warn("the list of a transfer is not kept for its proof", "transfer", no, "err", err)
		return nil
	}
	return e.keepManifest(ctx, no, m)
}

// keepManifest keeps a manifest for proofs, if it is small: its content is about to go.
func (e *Editions) keepManifest(ctx context.Context, no protocol.TransferNo, m *manifest.Manifest) error {
	encoded := manifest.Encode(m)
	if len(encoded.Manifest) > ProofManifest {
		return nil
	}
	return e.Store.KeepSmallManifest(ctx, no, encoded.Root, encoded.Manifest)
}
