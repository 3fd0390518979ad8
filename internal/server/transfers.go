package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/store"
)

const (
	defaultKeep = 30 * 24 * time.Hour
	maxKeep     = 10 * 365 * 24 * time.Hour
	minRate     = 8 * 16 << 10 // bits a second: below it SYNCs alone fill the rate
)

// AddTransfer promises files to a group.
func (s *Server) AddTransfer(ctx context.Context, p groupcast.Principal, n groupcast.NewTransfer) (groupcast.Transfer, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Transfer{}, err
	}
	g, err := s.store.Group(ctx, n.Group)
	if err != nil {
		return groupcast.Transfer{}, err
	}
	if err := checkTransfer(&n); err != nil {
		return groupcast.Transfer{}, err
	}
	if n.Now {
		if err := s.maySend(g); err != nil {
			return groupcast.Transfer{}, err
		}
	}
	if s.live.full() {
		return groupcast.Transfer{}, groupcast.Errorf(groupcast.EExhausted, "%d transfers are open already", maxOpenListed).
			WithHint("cancel some of those that are open").WithNext(groupcast.Next{Step: groupcast.StepPending})
	}
	b, err := s.build(ctx, p, n)
	if err != nil {
		return groupcast.Transfer{}, err
	}
	defer s.content.Made(b.Content)
	tr, err := s.promise(ctx, p, s.newTransfer(p, g, n, b), n.Now)
	if id, uploaded := strings.CutPrefix(b.Source, content.FromUpload); err != nil && uploaded && n.Copy {
		err = s.content.ThrowAway(id, err)
	}
	tr.Notes = b.Notes
	return tr, err
}

// promise keeps a transfer whose content is built and lets the schedule deliver it.
func (s *Server) promise(ctx context.Context, p groupcast.Principal, t store.Transfer, now bool) (groupcast.Transfer, error) {
	tr, owed, err := s.store.AddTransfer(ctx, t)
	if err != nil {
		return groupcast.Transfer{}, errors.Join(err, s.content.Forget(t.Content)) // an upload stays, for another try
	}
	s.live.add(tr, owed, now)
	s.audit(ctx, p, "transfer.add", s.label(tr.Transfer), fmt.Sprintf("%d files, %d folders, %d bytes, owed to %d", tr.Files, tr.Folders, tr.Bytes, len(owed)))
	s.events.Publish(groupcast.Event{Kind: groupcast.EventTransfer, Group: tr.Group, Transfer: tr.No, Released: !tr.Hold, Text: "added"})
	return s.show(ctx, tr.No)
}

func checkTransfer(n *groupcast.NewTransfer) error {
	switch {
	case (len(n.Paths) > 0) == (n.Upload != ""):
		return groupcast.Errorf(groupcast.EInvalid, "a transfer needs either paths or an upload")
	case n.Hold && n.Now:
		return groupcast.Errorf(groupcast.EInvalid, "a transfer cannot both be held and sent now")
	case n.Keep < 0 || n.Keep > maxKeep:
		return groupcast.Errorf(groupcast.EInvalid, "it can be kept for ten years at most")
	case n.Rate > 0 && n.Rate < minRate:
		return groupcast.Errorf(groupcast.EInvalid, "the rate is too low").WithHint("give at least %d kbit/s", minRate/1000)
	}
	switch n.Via {
	case "":
		n.Via = groupcast.ViaAuto
	case groupcast.ViaAuto, groupcast.ViaMulticast, groupcast.ViaHTTPS:
	default:
		return groupcast.Errorf(groupcast.EInvalid, "there is no way %q", string(n.Via)).WithHint("use auto, multicast or https")
	}
	if n.Keep == 0 {
		n.Keep = defaultKeep
	}
	return checkLeftOut(n)
}

func (s *Server) newTransfer(p groupcast.Principal, g groupcast.Group, n groupcast.NewTransfer, b content.Built) store.Transfer {
	now := s.now()
	state := groupcast.TransferWaiting
	if n.Hold {
		state = groupcast.TransferHeld
	}
	return store.Transfer{
		Transfer: groupcast.Transfer{
			GroupID: g.ID, Group: g.Name, Name: b.Name, Files: b.Files, Folders: b.Folders, Bytes: b.Bytes, Blocks: b.Blocks,
			State: state, CreatedAt: now, CreatedBy: p.Actor(), ExpiresAt: now.Add(n.Keep),
			Hold: n.Hold, Via: n.Via, RateLimit: n.Rate, InPlace: b.InPlace, Root: b.Root, LeftOut: b.LeftOut.Count,
		},
		Source: b.Source, Content: b.Content, Left: b.LeftOut.Entries, ManifestBytes: b.ManifestBytes, ManifestBlocks: b.ManifestBlocks,
	}
}

func (s *Server) label(tr groupcast.Transfer) string {
	return fmt.Sprintf("%d %s to %s", tr.No, tr.Name, tr.Group)
}

// CancelTransfer takes back what is still owed.
func (s *Server) CancelTransfer(ctx context.Context, p groupcast.Principal, no protocol.TransferNo) (groupcast.Transfer, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Transfer{}, err
	}
	err := s.store.CloseTransfer(ctx, no, groupcast.TransferCancelled, groupcast.DeliveryCancelled, "cancelled by "+p.Actor(), s.now())
	if err != nil {
		return groupcast.Transfer{}, err
	}
	s.live.drop(no)
	return s.did(ctx, p, no, "transfer.cancel", "cancelled")
}

// did writes the audit entry and the event of something done to a transfer, and shows it.
func (s *Server) did(ctx context.Context, p groupcast.Principal, no protocol.TransferNo, action, text string) (groupcast.Transfer, error) {
	tr, err := s.show(ctx, no)
	if err != nil {
		return tr, err
	}
	s.audit(ctx, p, action, s.label(tr), "")
	s.events.Publish(groupcast.Event{Kind: groupcast.EventTransfer, Group: tr.Group, Transfer: no, Released: !tr.Hold, Text: text})
	return tr, nil
}

// mayGoAgain says why a transfer can be owed to nobody any more.
func (s *Server) mayGoAgain(ctx context.Context, tr store.Transfer) error {
	g, err := s.store.Group(ctx, tr.Group)
	if err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		return err
	}
	if err == nil && g.ID == tr.GroupID {
		return nil
	}
	return groupcast.Errorf(groupcast.EConflict, "the group %s of transfer %d was deleted", tr.Group, tr.No).
		WithHint("send the files to another group").WithNext(groupcast.Next{Step: groupcast.StepSendAgain})
}

// RetryTransfer owes again what ended badly.
func (s *Server) RetryTransfer(ctx context.Context, p groupcast.Principal, no protocol.TransferNo) (groupcast.Transfer, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Transfer{}, err
	}
	tr, err := s.store.Transfer(ctx, no)
	if err != nil {
		return groupcast.Transfer{}, err
	}
	if err := s.mayGoAgain(ctx, tr); err != nil {
		return tr.Transfer, err
	}
	if _, err := s.content.Kept(tr.Content); errors.Is(err, content.ErrOtherDigests) {
		return tr.Transfer, err
	}
	if tr.ContentGone {
		return tr.Transfer, groupcast.Errorf(groupcast.EConflict, "the content of transfer %d is gone", no).
			WithHint("add the files again").WithNext(groupcast.Next{Step: groupcast.StepSendAgain, Group: tr.Group})
	}
	if tr.Lost > 0 || tr.State == groupcast.TransferFailed {
		if tr, err = s.renew(ctx, tr); err != nil {
			return tr.Transfer, err
		}
		s.live.change(func(sch *schedule.Scheduler, now time.Time) { sch.Replan(now, no, ""); sch.Resumed(no) })
	}
	owed, err := s.store.RetryTransfer(ctx, no, s.now().Add(tr.ExpiresAt.Sub(tr.CreatedAt)), s.now())
	if err != nil {
		return tr.Transfer, err
	}
	if tr, err = s.store.Transfer(ctx, no); err != nil {
		return tr.Transfer, err
	}
	s.live.add(tr, owed, true)
	for _, d := range owed { // who refused is asked again
		s.live.change(func(sch *schedule.Scheduler, now time.Time) {
			sch.Renewed(no)
			sch.LookedAgain(no, d.DeviceID)
		})
	}
	return s.did(ctx, p, no, "transfer.retry", fmt.Sprintf("%d deliveries are owed again", len(owed)))
}

// SendTransfer sends one transfer now.
func (s *Server) SendTransfer(ctx context.Context, p groupcast.Principal, no protocol.TransferNo) (groupcast.Transfer, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Transfer{}, err
	}
	tr, err := s.store.Transfer(ctx, no)
	if err != nil {
		return groupcast.Transfer{}, err
	}
	if err := s.mayGoAgain(ctx, tr); err != nil {
		return tr.Transfer, err
	}
	if !tr.State.Open() {
		return tr.Transfer, groupcast.Errorf(groupcast.EConflict, "transfer %d is %s", no, tr.State).
			WithHint("retry it").WithNext(groupcast.Next{Step: groupcast.StepRetry, Transfer: no})
	}
	if err := s.store.ReleaseTransfer(ctx, no); err != nil {
		return tr.Transfer, err
	}
	s.live.change(func(sch *schedule.Scheduler, _ time.Time) { sch.Release(no) })
	return s.did(ctx, p, no, "transfer.send", "is sent now")
}

// SendPending sends everything that is pending for a group now.
func (s *Server) SendPending(ctx context.Context, p groupcast.Principal, group string) ([]groupcast.Transfer, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	open, err := s.openTransfers(ctx, group)
	if err != nil {
		return nil, err
	}
	out := make([]groupcast.Transfer, 0, len(open))
	for _, tr := range open {
		sent, err := s.SendTransfer(ctx, p, tr.No)
		if err != nil {
			return out, err
		}
		out = append(out, sent)
	}
	return out, nil
}

// failTransfer ends a transfer whose content can no longer be read. What was delivered stays.
func (s *Server) failTransfer(ctx context.Context, no protocol.TransferNo, cause error) {
	reason := reasonOf(cause)
	s.log.Warn("transfer failed", "transfer", no, slog.Any("err", cause))
	err := s.store.CloseTransfer(ctx, no, groupcast.TransferFailed, groupcast.DeliveryFailed, reason, s.now())
	if err != nil && groupcast.ErrorCode(err) != groupcast.EConflict {
		s.log.Error("a failed transfer could not be closed", "transfer", no, slog.Any("err", err))
	}
	s.live.drop(no)
	s.events.Publish(groupcast.Event{Kind: groupcast.EventTransfer, Transfer: no, Text: "failed: " + reason})
}

// reasonOf gives the words for an administrator.
func reasonOf(err error) string {
	var e *groupcast.Error
	if errors.As(err, &e) {
		return e.Error()
	}
	return err.Error()
}

// complete closes a transfer that nobody is owed any more.
func (s *Server) complete(ctx context.Context, no protocol.TransferNo) {
	s.setState(ctx, no, groupcast.TransferDone, "")
	s.live.drop(no)
	if s.nothingToRetry(ctx, no) {
		s.freeContent(ctx, no)
	}
}

// completeIdle closes the transfers of groups that nobody is owed any more because members
// or devices went. One that nobody was ever owed waits on.
func (s *Server) completeIdle(ctx context.Context, groups []protocol.GroupID) {
	rows, err := s.store.Transfers(ctx, groupcast.TransferFilter{Open: true, Limit: maxOpenListed})
	if err != nil {
		s.log.Error("open transfers could not be read", slog.Any("err", err))
		return
	}
	for _, tr := range rows.Rows {
		if slices.Contains(groups, tr.GroupID) && tr.Owed == 0 && tr.Verified+tr.Incomplete+tr.Failed > 0 {
			s.complete(ctx, tr.No)
		}
	}
}

// setState notes where an open transfer stands; one that is closed meanwhile stays closed.
func (s *Server) setState(ctx context.Context, no protocol.TransferNo, state groupcast.TransferState, reason string) {
	err := s.store.SetTransferState(ctx, no, state, reason, s.now())
	switch {
	case err == nil:
		s.events.Publish(groupcast.Event{Kind: groupcast.EventTransfer, Transfer: no, Text: string(state)})
	case groupcast.ErrorCode(err) != groupcast.EConflict && groupcast.ErrorCode(err) != groupcast.ENotFound:
		s.log.Error("the state of a transfer could not be written", "transfer", no, slog.Any("err", err))
	}
}

// freeContent removes what the server holds of a transfer. What was read in place stays.
func (s *Server) freeContent(ctx context.Context, no protocol.TransferNo) {
	tr, err := s.store.Transfer(ctx, no)
	if err == nil && !tr.ContentGone {
		err = s.keepFiles(ctx, no, tr.Content)
	}
	if err == nil {
		err = s.content.Remove(tr.Content)
	}
	if err != nil {
		s.log.Error("the content of a transfer could not be removed", "transfer", no, slog.Any("err", err))
		return
	}
	if err := s.store.SetContentGone(ctx, no); err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		s.log.Error("removed content could not be noted", "transfer", no, slog.Any("err", err))
	}
}

// maySend says why nothing could be sent to a group now: it has nobody, or nobody's membership is
// confirmed after a restore. What is promised for later may wait for both.
func (s *Server) maySend(g groupcast.Group) error {
	s.live.mu.Lock()
	paused := s.live.sched.Paused()
	s.live.mu.Unlock()
	switch {
	case paused:
		return errUnconfirmed
	case g.Members == 0:
		return groupcast.Errorf(groupcast.ENobody, "nobody is in group %s: it would be sent to nobody", g.Name).
			WithHint("add members, or add it as pending").WithNext(groupcast.Next{Step: groupcast.StepAddMember, Group: g.Name})
	}
	return nil
}
