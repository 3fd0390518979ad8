package edition

import (
	"context"
	"errors"
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// ErrNothingLeft says that none of a transfer's files is as it was.
var ErrNothingLeft = errors.New("nothing is left of it")

// Without gives a transfer that has the content id another one without the files that are lost: those that are
// known and all that are found to be. It says how many that are; none if the content was replaced already.
func (e *Editions) Without(
	ctx context.Context, no protocol.TransferNo, id string, known []content.Lost,
) (tr store.Transfer, went int, err error) {
	if tr, err = e.Store.Transfer(ctx, no); err != nil || tr.Content != id {
		return tr, 0, err
	}
	m, k, err := e.Library.Manifest(id)
	if err != nil {
		return tr, 0, err
	}
	rest, lost, err := content.Without(ctx, m, k.Place, known)
	if err != nil {
		return tr, 0, err
	}
	if rest == nil {
		return tr, 0, groupcast.Errorf(groupcast.EConflict, "%s", nothingLeft(lost)).
			WithHint("retry the transfer: it takes them as they are then").
			WithNext(groupcast.Next{Step: groupcast.StepRetry, Transfer: no}).Wrap(ErrNothingLeft)
	}
	before, err := e.Lost(ctx, no)
	if err != nil {
		return tr, 0, err
	}
	tr, err = e.become(ctx, tr, rest, k, append(before, leftOutOf(lost)...), false)
	return tr, len(lost), err
}

// Renew takes what a transfer lost, and all else of it, as it is now.
func (e *Editions) Renew(ctx context.Context, tr store.Transfer) (store.Transfer, error) {
	if tr.Paged {
		return e.relist(ctx, tr)
	}
	m, k, err := e.Library.Manifest(tr.Content)
	if err != nil {
		return tr, err
	}
	before, err := e.Lost(ctx, tr.No)
	if err != nil {
		return tr, err
	}
	paths := make([]string, len(before))
	for i := range before {
		paths[i] = before[i].Path
	}
	tree, lost, err := content.Renew(ctx, m, k.Place, paths, k.Source != content.FromPath)
	if err != nil {
		return tr, notNow(err)
	}
	var next *manifest.Manifest
	for range content.MaxRebuilds {
		if len(tree.Files) == 0 {
			return tr, groupcast.Errorf(groupcast.EConflict, "%s", nothingLeft(lost)).WithHint("send other files")
		}
		if next, err = content.Build(ctx, tree, nil); err == nil {
			break
		}
		var again *content.LostError
		if !errors.As(err, &again) || !tree.DropUnread(err) {
			return tr, notNow(err)
		}
		lost = append(lost, again.Lost...)
	}
	if err != nil {
		return tr, notNow(err)
	}
	return e.become(ctx, tr, next, k, leftOutOf(lost), true)
}

// Lost lists what a transfer lost so far.
func (e *Editions) Lost(ctx context.Context, no protocol.TransferNo) ([]groupcast.LeftOut, error) {
	all, _, err := e.Store.LeftOut(ctx, no, groupcast.Window{})
	var out []groupcast.LeftOut
	for _, l := range all {
		if l.Why.Lost() {
			out = append(out, l)
		}
	}
	return out, err
}

// become keeps a manifest as a transfer's content from now on. The old content goes once that is known.
func (e *Editions) become(
	ctx context.Context, tr store.Transfer, m *manifest.Manifest, k content.Kept, lost []groupcast.LeftOut, renewed bool,
) (store.Transfer, error) {
	b, err := e.Library.Keep(m, tr.Name, k.Place, k.Source)
	if err != nil {
		return tr, err
	}
	defer e.Library.Made(b.Content)
	now, err := e.Store.ReplaceContent(ctx, tr.No, store.Edition{
		Was: tr.Content, Content: b.Content, Root: b.Root, Files: b.Files, Folders: b.Folders, Blocks: b.Blocks,
		Bytes: b.Bytes, ManifestBytes: b.ManifestBytes, ManifestBlocks: b.ManifestBlocks, Lost: lost, Renewed: renewed,
	})
	if err != nil {
		return tr, errors.Join(err, e.Library.Forget(b.Content))
	}
	e.Changed(now)
	return now, e.Library.Forget(tr.Content)
}

func nothingLeft(lost []content.Lost) string {
	if len(lost) == 1 {
		return (&content.LostError{Lost: lost}).Error()
	}
	return fmt.Sprintf("all of its %d files changed or are gone: %s …", len(lost), lost[0].Path)
}

func leftOutOf(lost []content.Lost) []groupcast.LeftOut {
	out := make([]groupcast.LeftOut, len(lost))
	for i, l := range lost {
		out[i] = groupcast.LeftOut{Path: l.Path, Why: l.Why}
	}
	return out
}

// notNow is an error of a source as an answer.
func notNow(err error) error {
	var away *content.UnavailableError
	var lost *content.LostError
	if errors.As(err, &away) || errors.As(err, &lost) {
		return groupcast.Errorf(groupcast.EConflict, "%s", err).WithHint("fix that, then try again").Wrap(err)
	}
	return err
}
