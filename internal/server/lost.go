package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
// are taken out, and the others go on; what cannot be read now is tried again. Only a transfer
// of which nothing is left fails.
func (l *live) sourceFault(no protocol.TransferNo, id string, err error) {
	var lost *content.LostError
	switch {
	case errors.As(err, &lost):
		l.Log.Warn("files of a transfer changed", "transfer", no, slog.Any("err", err))
		l.background(func(ctx context.Context) { l.replan(ctx, no, id, lost.Lost) })
	case errors.Is(err, content.ErrContentGone):
		l.failTransfer(context.Background(), no, err)
	default:
		l.unavailable(no, err)
	}
}

func (l *live) unavailable(no protocol.TransferNo, err error) {
	l.Log.Warn("a transfer cannot be read; it is tried again", "transfer", no, slog.Any("err", err))
	reason := groupcast.Clip(reasonOf(err)) + "; it is tried again"
	l.change(func(sch *schedule.Scheduler, now time.Time) { sch.Hinder(now, no, reason) })
	l.setState(context.Background(), no, groupcast.TransferWaiting, reason)
}

// background runs f beside the loop, which ends it when the server goes down.
func (l *live) background(f func(ctx context.Context)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.base == nil || l.base.Err() != nil {
		return
	}
	ctx := l.base
	l.running.Go(func() { f(ctx) })
}

// replan gives a transfer new content without the files that are lost: a manifest of its own,
// under offers of their own. Devices keep what they have of it.
func (l *live) replan(ctx context.Context, no protocol.TransferNo, id string, lost []content.Lost) {
	if !l.startPlanning(no) {
		return // somebody else saw it first
	}
	defer l.donePlanning(no)
	err := l.replace(ctx, no, id, lost)
	switch {
	case errors.Is(err, errNothingLeft), errors.Is(err, content.ErrContentGone):
		l.failTransfer(context.WithoutCancel(ctx), no, err)
	case err == nil, ctx.Err() != nil, groupcast.ErrorCode(err) == groupcast.ENotFound, groupcast.ErrorCode(err) == groupcast.EConflict:
		l.change(func(sch *schedule.Scheduler, _ time.Time) { sch.Resumed(no); sch.Renewed(no) })
	default:
		l.unavailable(no, err)
	}
}

// errNothingLeft says that none of a transfer's files is as it was.
var errNothingLeft = errors.New("nothing is left of it")

func (l *live) replace(ctx context.Context, no protocol.TransferNo, id string, known []content.Lost) error {
	tr, err := l.Store.Transfer(ctx, no)
	if err != nil || tr.Content != id {
		return err // it was replaced already
	}
	m, k, err := l.Content.Manifest(id)
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
	before, err := l.lostOf(ctx, no)
	if err != nil {
		return err
	}
	_, err = l.edition(ctx, tr, rest, k, append(before, leftOutOf(lost)...), false)
	if err == nil {
		l.Screens.Publish(groupcast.Event{Kind: groupcast.EventTransfer, Group: tr.Group, Transfer: no, Released: !tr.Hold, Text: fmt.Sprintf("%d files changed or went at the server", len(lost))})
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
func (l *live) lostOf(ctx context.Context, no protocol.TransferNo) ([]groupcast.LeftOut, error) {
	all, _, err := l.Store.LeftOut(ctx, no, groupcast.Window{})
	var out []groupcast.LeftOut
	for _, l := range all {
		if l.Why.Lost() {
			out = append(out, l)
		}
	}
	return out, err
}

// edition keeps a manifest as a transfer's content from now on, and lets the schedule know.
func (l *live) edition(ctx context.Context, tr store.Transfer, m *manifest.Manifest, k content.Kept, lost []groupcast.LeftOut, renewed bool) (store.Transfer, error) {
	b, err := l.Content.Keep(m, tr.Name, k.Place, k.Source)
	if err != nil {
		return tr, err
	}
	defer l.Content.Made(b.Content)
	now, err := l.Store.ReplaceContent(ctx, tr.No, store.Edition{
		Was: tr.Content, Content: b.Content, Root: b.Root, Files: b.Files, Folders: b.Folders, Blocks: b.Blocks, Bytes: b.Bytes,
		ManifestBytes: b.ManifestBytes, ManifestBlocks: b.ManifestBlocks, Lost: lost, Renewed: renewed,
	})
	if err != nil {
		return tr, errors.Join(err, l.Content.Forget(b.Content))
	}
	l.renewed(now)
	return now, l.Content.Forget(tr.Content)
}

// startPlanning stops a transfer for new content; false if that is under way already.
func (l *live) startPlanning(no protocol.TransferNo) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.planning[no] {
		return false
	}
	l.planning[no] = true
	l.sched.Replan(l.Now(), no, "files changed at the server: what is left is planned anew")
	l.poke()
	return true
}

func (l *live) donePlanning(no protocol.TransferNo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.planning, no)
}

// renewed takes over a transfer's new content: offers of the old one are void.
func (l *live) renewed(tr store.Transfer) {
	l.mu.Lock()
	if _, open := l.infos[tr.No]; open {
		l.infos[tr.No] = tr
	}
	direct := l.direct[tr.No]
	delete(l.direct, tr.No)
	maps.DeleteFunc(l.seen, func(key deliveryKey, _ *progress) bool { return key.no == tr.No })
	l.mu.Unlock()
	if direct != nil {
		l.closeOffer(direct.number)
	}
}

// renew takes what a transfer lost, and all else of it, as it is now.
func (l *live) renew(ctx context.Context, tr store.Transfer) (store.Transfer, error) {
	m, k, err := l.Content.Manifest(tr.Content)
	if err != nil {
		return tr, err
	}
	before, err := l.lostOf(ctx, tr.No)
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
	return l.edition(ctx, tr, next, k, leftOutOf(lost), true)
}

// notNow is an error of a source as an answer.
func notNow(err error) error {
	var away *content.UnavailableError
	var lost *content.LostError
	if errors.As(err, &away) || errors.As(err, &lost) {
		return groupcast.Errorf(groupcast.EConflict, "%s", err).WithHint("mend that, then try again").Wrap(err)
	}
	return err
}
