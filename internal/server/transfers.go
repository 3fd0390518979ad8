package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/delivery"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/selection"
	"github.com/groupcast/groupcast/internal/store"
)

const (
	defaultKeep = 30 * 24 * time.Hour
	maxKeep     = 10 * 365 * 24 * time.Hour
	maxRate     = 1_000_000_000_000
	minRate     = 8 * 16 << 10 // bits a second: below it SYNCs alone fill the rate
)

// AddTransfer promises files to a group.
func (s *Server) AddTransfer(
	ctx context.Context, p groupcast.Principal, n groupcast.NewTransfer,
) (groupcast.Transfer, error) {
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
	if err := s.delivery.MayAdd(g, n.Now); err != nil {
		return groupcast.Transfer{}, err
	}
	chosen, err := selection.Read(ctx, s.store, g, n.Selection)
	if err != nil {
		return groupcast.Transfer{}, err
	}
	b, err := s.build(ctx, g, chosen.Selection, n, s.mayName(p))
	if err != nil {
		return groupcast.Transfer{}, err
	}
	defer s.content.Made(b.Content)
	tr, err := s.promise(ctx, p, chosen.Of(s.newTransfer(p, g, n, b)), n.Now)
	if id, uploaded := strings.CutPrefix(b.Source, content.FromUpload); err != nil && uploaded && n.Copy {
		err = s.content.ThrowAway(id, err)
	}
	tr.Notes = b.Notes
	return tr, err
}

// promise stores a transfer with its built content and lets the schedule deliver it.
func (s *Server) promise(
	ctx context.Context, p groupcast.Principal, t store.Transfer, now bool,
) (groupcast.Transfer, error) {
	tr, owed, err := s.delivery.Add(ctx, t, now)
	if err != nil {
		return groupcast.Transfer{}, err
	}
	out, err := s.delivery.Transfer(ctx, tr.No)
	s.audit(ctx, p, "transfer.add", label(tr), fmt.Sprintf("%d files, %d folders, %d bytes, owed to %d%s%s",
		tr.Files, tr.Folders, tr.Bytes, owed, onlyTo(tr), inPlaceOf(out)))
	return out, err
}

func checkTransfer(n *groupcast.NewTransfer) error {
	switch {
	case (len(n.Paths) > 0) == (n.Upload != ""):
		return groupcast.Errorf(groupcast.EInvalid, "a transfer needs either paths or an upload")
	case n.Hold && n.Now:
		return groupcast.Errorf(groupcast.EInvalid, "a transfer cannot both be held and sent now")
	case n.Keep < 0 || n.Keep > maxKeep:
		return groupcast.Errorf(groupcast.EInvalid, "it can be kept for ten years at most")
	}
	if err := checkRate(n.Rate); err != nil {
		return err
	}
	switch n.Via {
	case "":
		n.Via = groupcast.ViaAuto
	case groupcast.ViaAuto, groupcast.ViaMulticast, groupcast.ViaHTTPS:
	default:
		return groupcast.Errorf(groupcast.EInvalid, "there is no way %q", string(n.Via)).
			WithHint("use auto, multicast or https")
	}
	if n.Keep == 0 {
		n.Keep = defaultKeep
	}
	return checkLeftOut(n)
}

func (s *Server) newTransfer(
	p groupcast.Principal, g groupcast.Group, n groupcast.NewTransfer, b content.Built,
) store.Transfer {
	now := s.now()
	state := groupcast.TransferWaiting
	if n.Hold {
		state = groupcast.TransferHeld
	}
	t := store.Transfer{
		Transfer: groupcast.Transfer{
			GroupID: g.ID, Group: g.Name, Name: b.Name, Files: b.Files, Folders: b.Folders, Bytes: b.Bytes, Blocks: b.Blocks,
			State: state, CreatedAt: now, CreatedBy: p.Actor(), ExpiresAt: now.Add(n.Keep),
			Hold: n.Hold, Via: n.Via, RateLimit: n.Rate, InPlace: b.InPlace, Root: b.Root, LeftOut: b.LeftOut.Count,
		},
		Source: b.Source, Content: b.Content, Left: b.LeftOut.Entries,
		ManifestBytes: b.ManifestBytes, ManifestBlocks: b.ManifestBlocks,
	}
	pagedInto(&t, b)
	return t
}

func label(tr groupcast.Transfer) string {
	return fmt.Sprintf("%d %s to %s", tr.No, tr.Name, tr.Group)
}

// onlyTo says for whom of a group a transfer is, if it is not for all.
func onlyTo(tr groupcast.Transfer) string {
	if tr.Selection.All() {
		return ""
	}
	return " (" + tr.Selection.String() + ")"
}

// inPlaceOf says which transfers a transfer took the place of.
func inPlaceOf(tr groupcast.Transfer) (text string) {
	for i, no := range tr.Replaces {
		text += fmt.Sprintf("%s %d", []string{", replaces", ","}[min(i, 1)], no)
	}
	return text
}

// CancelTransfer cancels what is still owed.
func (s *Server) CancelTransfer(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo,
) (groupcast.Transfer, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Transfer{}, err
	}
	tr, err := s.delivery.Cancel(ctx, no, p.Actor())
	if err == nil {
		s.audit(ctx, p, "transfer.cancel", label(tr), "")
	}
	return tr, err
}

// RetryTransfer owes again what ended badly.
func (s *Server) RetryTransfer(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo,
) (groupcast.Transfer, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Transfer{}, err
	}
	tr, err := s.delivery.Retry(ctx, no)
	if err == nil {
		s.audit(ctx, p, "transfer.retry", label(tr), "")
	}
	return tr, err
}

// SendTransfer sends one transfer now.
func (s *Server) SendTransfer(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo,
) (groupcast.Transfer, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Transfer{}, err
	}
	tr, err := s.delivery.Release(ctx, no)
	if err == nil {
		s.audit(ctx, p, "transfer.send", label(tr), strings.TrimPrefix(inPlaceOf(tr), ", "))
	}
	return tr, err
}

// PauseTransfer stops a transfer until it is resumed.
func (s *Server) PauseTransfer(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo,
) (groupcast.Transfer, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Transfer{}, err
	}
	tr, err := s.delivery.PauseTransfer(ctx, no)
	if err == nil {
		s.audit(ctx, p, "transfer.pause", label(tr), "")
	}
	return tr, err
}

// ResumeTransfer lets a transfer go on that was paused.
func (s *Server) ResumeTransfer(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo,
) (groupcast.Transfer, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Transfer{}, err
	}
	tr, err := s.delivery.ResumeTransfer(ctx, no)
	if err == nil {
		s.audit(ctx, p, "transfer.resume", label(tr), "")
	}
	return tr, err
}

// ChangeTransfer changes the rate of an open transfer.
func (s *Server) ChangeTransfer(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, c groupcast.TransferChange,
) (groupcast.Transfer, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Transfer{}, err
	}
	if c.Rate == nil {
		return s.delivery.Transfer(ctx, no)
	}
	if err := checkRate(*c.Rate); err != nil {
		return groupcast.Transfer{}, err
	}
	tr, err := s.delivery.SetRate(ctx, no, *c.Rate)
	if err == nil {
		s.audit(ctx, p, "transfer.rate", label(tr), fmt.Sprintf("%d bit/s", *c.Rate))
	}
	return tr, err
}

func checkRate(bits uint64) error {
	switch {
	case bits > 0 && bits < minRate:
		return groupcast.Errorf(groupcast.EInvalid, "the rate is too low").WithHint("give at least %d kbit/s", minRate/1000)
	case bits > maxRate:
		return groupcast.Errorf(groupcast.EInvalid, "the rate is too high").
			WithHint("give at most %d Gbit/s", maxRate/1_000_000_000)
	}
	return nil
}

// SendPending sends everything that is pending for a group now.
func (s *Server) SendPending(ctx context.Context, p groupcast.Principal, group string) ([]groupcast.Transfer, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	open, err := s.delivery.OpenTransfers(ctx, group)
	if err != nil {
		return nil, err
	}
	return s.sendEach(ctx, p, open)
}

// sendEach sends transfers that were open a moment ago now. One that has ended since needs nothing any more.
func (s *Server) sendEach(
	ctx context.Context, p groupcast.Principal, open []groupcast.Transfer,
) ([]groupcast.Transfer, error) {
	out := make([]groupcast.Transfer, 0, len(open))
	for _, tr := range open {
		sent, err := s.SendTransfer(ctx, p, tr.No)
		if err != nil {
			if now, e := s.delivery.Transfer(ctx, tr.No); e == nil && !now.State.Open() {
				continue
			}
			return out, err
		}
		out = append(out, sent)
	}
	return out, nil
}

// Transfers lists the newest first.
func (s *Server) Transfers(
	ctx context.Context, p groupcast.Principal, f groupcast.TransferFilter,
) (out groupcast.Page[groupcast.Transfer], err error) {
	if err := mustAdmin(p); err != nil {
		return out, err
	}
	if f.Group != "" {
		if _, err := s.store.Group(ctx, f.Group); err != nil {
			return out, err
		}
	}
	return s.delivery.Transfers(ctx, f)
}

// Transfer shows one transfer.
func (s *Server) Transfer(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo,
) (groupcast.Transfer, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Transfer{}, err
	}
	return s.delivery.Transfer(ctx, no)
}

// Deliveries lists what each device is owed or got.
func (s *Server) Deliveries(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, w groupcast.Window,
) (out groupcast.Page[groupcast.Delivery], err error) {
	if err := mustAdmin(p); err != nil {
		return out, err
	}
	return s.delivery.Deliveries(ctx, no, w)
}

// Pending lists the open transfers with what is owed to whom and why it waits.
func (s *Server) Pending(
	ctx context.Context, p groupcast.Principal, group string, w groupcast.Window,
) (out groupcast.Page[groupcast.PendingTransfer], err error) {
	if err := mustAdmin(p); err != nil {
		return out, err
	}
	return s.delivery.Pending(ctx, group, w)
}

// Series returns the course of a transfer.
func (s *Server) Series(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, after time.Time,
) ([]groupcast.Point, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	return s.delivery.Series(ctx, no, after)
}

// LossMap returns the loss of a transfer's devices over its whole time.
func (s *Server) LossMap(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo,
) (groupcast.LossMap, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.LossMap{}, err
	}
	return s.delivery.LossMap(ctx, no)
}

// ActOnDelivery does what an administrator wants of a device that holds a transfer up.
func (s *Server) ActOnDelivery(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, dev protocol.DeviceID, a groupcast.DeliveryAction,
) (groupcast.Delivery, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Delivery{}, err
	}
	tr, d, err := s.delivery.Act(ctx, no, dev, a, p.Actor())
	if err == nil {
		s.audit(ctx, p, "delivery."+string(a), fmt.Sprintf("%s of %s", delivery.Who(d), label(tr)), "")
	}
	return d, err
}

// DropMember cancels what a member is owed of a transfer, with or without a device.
func (s *Server) DropMember(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, user string,
) (groupcast.Transfer, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Transfer{}, err
	}
	tr, dropped, err := s.delivery.DropMember(ctx, no, user, p.Actor())
	for _, d := range dropped {
		s.audit(ctx, p, "delivery.drop", fmt.Sprintf("%s of %s", delivery.Who(d), label(tr)), "")
	}
	return tr, err
}

// DeliveryEntries lists what does not lie under its name at a device.
func (s *Server) DeliveryEntries(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, dev protocol.DeviceID, w groupcast.Window,
) (groupcast.DeliveryEntries, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.DeliveryEntries{}, err
	}
	return s.delivery.Entries(ctx, no, dev, w)
}
