package delivery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/store"
)

// sourceFault comes when content of a transfer cannot be read. Files that changed or are gone
// are taken out, and the others continue; what cannot be read now is tried again. Only a transfer
// of which nothing is left fails.
func (e *Engine) sourceFault(no protocol.TransferNo, id string, err error) {
	var lost *content.LostError
	switch {
	case errors.As(err, &lost):
		e.log.Warn("files of a transfer changed", "transfer", no, "err", err)
		e.background(func(ctx context.Context) { e.replan(ctx, no, id, lost.Lost) })
	case errors.Is(err, content.ErrContentGone):
		e.failTransfer(context.Background(), no, err)
	default:
		e.unavailable(no, err)
	}
}

func (e *Engine) unavailable(no protocol.TransferNo, err error) {
	e.log.Warn("a transfer cannot be read; it is tried again", "transfer", no, "err", err)
	reason := groupcast.Clip(reasonOf(err)) + "; it is tried again"
	e.change(func(sch *schedule.Scheduler, now time.Time) { sch.Hinder(now, no, reason) })
	e.setState(context.Background(), no, groupcast.TransferWaiting, reason)
}

// background runs f beside the loop, which ends it when the server goes down.
func (e *Engine) background(f func(ctx context.Context)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.base == nil || e.base.Err() != nil {
		return
	}
	ctx := e.base
	e.running.Go(func() { f(ctx) })
}

// replan gives a transfer new content without the files that are lost: a manifest of its own,
// under offers of their own. Devices keep what they have of it.
func (e *Engine) replan(ctx context.Context, no protocol.TransferNo, id string, lost []content.Lost) {
	if !e.startPlanning(no) {
		return // somebody else saw it first
	}
	defer e.donePlanning(no)
	err := e.replace(ctx, no, id, lost)
	switch {
	case errors.Is(err, errNothingLeft), errors.Is(err, content.ErrContentGone):
		e.failTransfer(context.WithoutCancel(ctx), no, err)
	case err == nil, ctx.Err() != nil, groupcast.ErrorCode(err) == groupcast.ENotFound,
		groupcast.ErrorCode(err) == groupcast.EConflict:
		e.change(func(sch *schedule.Scheduler, _ time.Time) { sch.Resumed(no); sch.Renewed(no) })
	default:
		e.unavailable(no, err)
	}
}

// errNothingLeft says that none of a transfer's files is as it was.
var errNothingLeft = errors.New("nothing is left of it")

func (e *Engine) replace(ctx context.Context, no protocol.TransferNo, id string, known []content.Lost) error {
	tr, err := e.store.Transfer(ctx, no)
	if err != nil || tr.Content != id {
		return err // it was replaced already
	}
	m, k, err := e.content.Manifest(id)
	if err != nil {
		return err
	}
	rest, lost, err := content.Without(ctx, m, k.Place, known)
	if err != nil {
		return err
	}
	if rest == nil {
		return groupcast.Errorf(groupcast.EConflict, "%s", nothingLeft(lost)).
			WithHint("retry the transfer: it takes them as they are then").
			WithNext(groupcast.Next{Step: groupcast.StepRetry, Transfer: no}).Wrap(errNothingLeft)
	}
	before, err := e.lostOf(ctx, no)
	if err != nil {
		return err
	}
	_, err = e.edition(ctx, tr, rest, k, append(before, leftOutOf(lost)...), false)
	if err == nil {
		e.tell(tr.Transfer, fmt.Sprintf("%d files changed or went at the server", len(lost)))
	}
	return err
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

// lostOf lists what a transfer lost so far.
func (e *Engine) lostOf(ctx context.Context, no protocol.TransferNo) ([]groupcast.LeftOut, error) {
	all, _, err := e.store.LeftOut(ctx, no, groupcast.Window{})
	var out []groupcast.LeftOut
	for _, l := range all {
		if l.Why.Lost() {
			out = append(out, l)
		}
	}
	return out, err
}

// edition keeps a manifest as a transfer's content from now on, and lets the schedule know.
func (e *Engine) edition(
	ctx context.Context, tr store.Transfer, m *manifest.Manifest, k content.Kept, lost []groupcast.LeftOut, renewed bool,
) (store.Transfer, error) {
	b, err := e.content.Keep(m, tr.Name, k.Place, k.Source)
	if err != nil {
		return tr, err
	}
	defer e.content.Made(b.Content)
	now, err := e.store.ReplaceContent(ctx, tr.No, store.Edition{
		Was: tr.Content, Content: b.Content, Root: b.Root, Files: b.Files, Folders: b.Folders, Blocks: b.Blocks,
		Bytes: b.Bytes, ManifestBytes: b.ManifestBytes, ManifestBlocks: b.ManifestBlocks, Lost: lost, Renewed: renewed,
	})
	if err != nil {
		return tr, errors.Join(err, e.content.Forget(b.Content))
	}
	e.renewed(now)
	return now, e.content.Forget(tr.Content)
}

// startPlanning stops a transfer for new content; false if that has begun already.
func (e *Engine) startPlanning(no protocol.TransferNo) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.planning[no] {
		return false
	}
	e.planning[no] = true
	e.sched.Replan(e.now(), no, "files changed at the server: what is left is planned anew")
	e.poke()
	return true
}

func (e *Engine) donePlanning(no protocol.TransferNo) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.planning, no)
}

// renewed takes over a transfer's new content: offers of the old one are void.
func (e *Engine) renewed(tr store.Transfer) {
	e.mu.Lock()
	if _, open := e.infos[tr.No]; open {
		e.infos[tr.No] = tr
	}
	direct := e.direct[tr.No]
	delete(e.direct, tr.No)
	maps.DeleteFunc(e.seen, func(key deliveryKey, _ *progress) bool { return key.no == tr.No })
	e.mu.Unlock()
	if direct != nil {
		e.closeOffer(direct.number)
	}
}

// renew takes what a transfer lost, and all else of it, as it is now.
func (e *Engine) renew(ctx context.Context, tr store.Transfer) (store.Transfer, error) {
	m, k, err := e.content.Manifest(tr.Content)
	if err != nil {
		return tr, err
	}
	before, err := e.lostOf(ctx, tr.No)
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
	return e.edition(ctx, tr, next, k, leftOutOf(lost), true)
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
