package edition

import (
	"context"
	"errors"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// WaitFor is how long a paged transfer waits for the edition after one. The second comes at once; a file that
// is another one each time it is read, though it looks as it was listed, must not keep the server busy.
func WaitFor(e protocol.Edition) time.Duration {
	if e < 2 {
		return 0
	}
	return min(5*time.Second<<min(e-2, 10), 5*time.Minute)
}

// Further begins the next edition of a paged transfer whose files are not what its pages say any more: of the same
// list, whose files are read again. Those that are not as they were listed are lost then.
func (e *Editions) Further(ctx context.Context, tr store.Transfer) (store.Transfer, error) {
	lost, err := e.lostBefore(ctx, tr)
	if err != nil {
		return tr, err
	}
	now, err := e.Store.ReplaceContent(ctx, tr.No, store.Edition{
		Was: tr.Content, Content: tr.Content, Files: tr.Files, Folders: tr.Folders, Blocks: tr.Blocks, Bytes: tr.Bytes,
		Edition: tr.Edition + 1, Skeleton: tr.Skeleton, SkeletonBytes: tr.SkeletonBytes, Pages: tr.Pages, Lost: lost,
	})
	if err != nil {
		return tr, err
	}
	e.Changed(now)
	return now, nil
}

// lostBefore lists what a paged transfer lost before its files were listed: what its pages say of others is said again.
func (e *Editions) lostBefore(ctx context.Context, tr store.Transfer) ([]groupcast.LeftOut, error) {
	all, err := e.Lost(ctx, tr.No)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	listed, err := e.Library.Listed(ctx, tr.Content, all)
	if err != nil {
		return nil, err
	}
	var out []groupcast.LeftOut
	for i, l := range all {
		if !listed[i] {
			out = append(out, l)
		}
	}
	return out, nil
}

// relist takes what a paged transfer lost, and all else of it, as it is now: its files are listed anew, and read when
// their turn comes.
func (e *Editions) relist(ctx context.Context, tr store.Transfer) (store.Transfer, error) {
	before, err := e.lostBefore(ctx, tr)
	if err != nil {
		return tr, err
	}
	paths := make([]string, len(before))
	for i := range before {
		paths[i] = before[i].Path
	}
	b, lost, err := e.Library.Relist(ctx, tr.Content, paths)
	if err != nil {
		return tr, notNow(err)
	}
	if b.Content == "" {
		return tr, groupcast.Errorf(groupcast.EConflict, "%s", nothingLeft(lost)).WithHint("send other files")
	}
	defer e.Library.Made(b.Content)
	now, err := e.Store.ReplaceContent(ctx, tr.No, store.Edition{
		Was: tr.Content, Content: b.Content, Files: b.Files, Folders: b.Folders, Blocks: b.Blocks, Bytes: b.Bytes,
		Edition: tr.Edition + 1, Skeleton: b.Skeleton, SkeletonBytes: b.SkeletonBytes, Pages: b.Pages,
		Lost: leftOutOf(lost), Renewed: true,
	})
	if err != nil {
		return tr, errors.Join(err, e.Library.Forget(b.Content))
	}
	e.Changed(now)
	return now, e.Library.Forget(tr.Content)
}
