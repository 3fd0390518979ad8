package tables

import (
	"crypto/rand"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
	"github.com/groupcast/groupcast/internal/store/tables/values"
)

func micros(t time.Time) int64 { return values.Micros(t) }

func instant(us int64) time.Time { return values.Instant(us) }

func notFound(what string, name any) error { return values.NotFound(what, name) }

func missing(err error, what string, name any) error { return values.Missing(err, what, name) }

func touched(n int64, err error, what string, name any) error {
	return values.Touched(n, err, what, name)
}

// newID makes an identifier that sorts by time, so that indexes grow at their end.
func newID(at time.Time) string {
	var b [16]byte
	rand.Read(b[6:])
	ms := uint64(at.UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	return hex.EncodeToString(b[:])
}

// parse reads an identifier as it was stored; the file is ours, so that a bad one is damage.
func parse(into encoding.TextUnmarshaler, text string) error {
	if err := into.UnmarshalText([]byte(text)); err != nil {
		return fmt.Errorf("read the database: %w", err)
	}
	return nil
}

// deviceText is the empty string for no device.
func deviceText(id protocol.DeviceID) string {
	if id == (protocol.DeviceID{}) {
		return ""
	}
	return id.String()
}

func deviceID(text string) (id protocol.DeviceID, err error) {
	if text != "" {
		err = parse(&id, text)
	}
	return id, err
}

func userFrom(r queries.User) groupcast.User {
	return groupcast.User{
		ID: r.ID, Name: r.Name, Role: groupcast.Role(r.Role), Disabled: r.Disabled,
		CreatedAt: instant(r.CreatedAt),
	}
}

func deviceFrom(r queries.Device, user string) (groupcast.Device, error) {
	d := groupcast.Device{
		UserID: r.UserID, User: user, Name: r.Name, PublicKey: r.PublicKey, OS: r.Os,
		Version: r.Version, CreatedAt: instant(r.CreatedAt), LastSeen: instant(r.LastSeen),
		Address: r.Address, Path: groupcast.Path(r.Path), FreeBytes: uint64(r.FreeBytes),
		DiskBytes: uint64(r.DiskBytes), ReserveBytes: uint64(r.Reserve), Wire: int(r.Wire),
		LossPercent: r.Loss, Clock: time.Duration(r.ClockOff),
	}
	return d, parse(&d.ID, r.ID)
}

func groupFrom(r queries.Group, members, pending int64) (groupcast.Group, error) {
	g := groupcast.Group{
		Name: r.Name, Description: r.Description, Unlisted: r.Unlisted,
		CreatedAt: instant(r.CreatedAt), Members: int(members), Pending: int(pending),
		Version: uint64(r.Version), NewDevices: groupcast.NewDevices(r.NewDevices),
	}
	var err error
	if g.Address, err = netip.ParseAddrPort(r.Address); err != nil {
		return g, fmt.Errorf("read the address of group %s: %w", r.Name, err)
	}
	return g, parse(&g.ID, r.ID)
}

func requestFrom(r queries.RequestsRow) (groupcast.JoinRequest, error) {
	q := groupcast.JoinRequest{
		ID: r.Request.ID, Group: r.GroupName, UserID: r.Request.UserID, User: r.UserName, Text: r.Request.Text,
		State: groupcast.RequestState(r.Request.State), AskedAt: instant(r.Request.AskedAt),
		DecidedAt: instant(r.Request.DecidedAt), DecidedBy: r.Request.DecidedBy,
		Device: r.DeviceName, Address: r.Address,
	}
	var err error
	if r.Request.DeviceID == "" {
		q.Devices = int(r.Devices)
	} else if q.DeviceID, err = deviceID(r.Request.DeviceID); err != nil {
		return q, err
	}
	return q, parse(&q.GroupID, r.Request.GroupID)
}

// spaceText is what a device lacks as the table has it; spaceFrom reads it, and what it cannot read is unknown.
func spaceText(s *groupcast.Space) (string, error) {
	if s == nil {
		return "", nil
	}
	b, err := json.Marshal(s)
	return string(b), err
}

func spaceFrom(text string) *groupcast.Space {
	var s groupcast.Space
	if text == "" || json.Unmarshal([]byte(text), &s) != nil {
		return nil
	}
	return &s
}

func deliveryFrom(r queries.Delivery, group string) (groupcast.Delivery, error) {
	d := groupcast.Delivery{
		Transfer: protocol.TransferNo(r.TransferNo), Group: group, UserID: r.UserID,
		User: r.UserName, Device: r.DeviceName, State: groupcast.DeliveryState(r.State),
		Reason: r.Reason, Path: groupcast.Path(r.Path), Blocks: int(r.Blocks),
		Bytes: uint64(r.Bytes), LossPercent: r.Loss, Bar: r.Bar, UpdatedAt: instant(r.UpdatedAt),
		Tally: groupcast.Tally{
			Entries: int(r.Entries), Missing: int(r.Missing), Beside: int(r.Beside), Void: int(r.Void),
		},
	}
	if !d.State.Owed() {
		d.Signed = groupcast.Signed(r.Signed)
	}
	if d.State == groupcast.DeliveryRefused {
		d.Refusal = groupcast.Refusal(r.Refusal)
		if d.Refusal == groupcast.RefusedSpace {
			d.Space = spaceFrom(r.Space)
		}
	}
	if r.Later && d.State.Owed() {
		d.Cause = groupcast.CauseLater
	}
	if d.ReplacedBy = protocol.TransferNo(r.ReplacedBy); d.ReplacedBy != 0 {
		d.Cause = groupcast.CauseReplaced
	}
	var err error
	d.DeviceID, err = deviceID(r.DeviceID)
	return d, err
}

func transferFrom(r queries.CountedTransfer) (store.Transfer, error) {
	t := store.Transfer{
		Transfer: groupcast.Transfer{
			No: protocol.TransferNo(r.No), Group: r.GroupName, Name: r.Name, Files: int(r.Files - r.Folders),
			Folders: int(r.Folders),
			Bytes:   uint64(r.Bytes), Blocks: int(r.Blocks), State: groupcast.TransferState(r.State),
			Reason: r.Reason, CreatedAt: instant(r.CreatedAt), CreatedBy: r.CreatedBy,
			StartedAt: instant(r.StartedAt), EndedAt: instant(r.EndedAt),
			ExpiresAt: instant(r.ExpiresAt), Hold: r.Hold, Via: groupcast.Via(r.Via),
			RateLimit: uint64(r.RateLimit), InPlace: r.InPlace, Owed: int(r.Owed),
			Verified: int(r.Verified), Failed: int(r.Failed), Incomplete: int(r.Incomplete),
			WireBytes: uint64(r.WireBytes), HTTPSBytes: uint64(r.HttpsBytes),
			LeftOut: int(r.LeftOut), Lost: int(r.Lost), ReplacedBy: protocol.TransferNo(r.ReplacedBy),
			Paused: r.Paused,
		},
		Source: r.Source, ManifestBytes: uint64(r.ManifestBytes),
		ManifestBlocks: uint32(r.ManifestBlocks), ContentGone: r.ContentGone, Content: r.Content,
	}
	if r.ForgedDevices > 0 {
		t.Forging = &groupcast.Forging{
			Code: groupcast.MemberForges, Devices: int(r.ForgedDevices), Blocks: int(r.ForgedBlocks),
		}
	}
	if t.ReplacedBy != 0 {
		t.Cause = groupcast.CauseReplaced
	}
	var err error
	t.Selection, err = selectionFrom(r.Selection)
	return t, errors.Join(err, parse(&t.GroupID, r.GroupID), parse(&t.Root, r.Root), pagedFrom(&t, r))
}

// each converts rows until one cannot be read.
func each[R, T any](rows []R, convert func(R) (T, error)) ([]T, error) {
	out := make([]T, 0, len(rows))
	for _, r := range rows {
		t, err := convert(r)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// page converts the rows of a window. Total counts the whole list; it is not asked for one that was read whole.
func page[R, T any](
	w groupcast.Window, rows []R, convert func(R) (T, error), total func() (int64, error),
) (p groupcast.Page[T], err error) {
	if p.Rows, err = each(rows, convert); err != nil {
		return p, err
	}
	if p.Total = len(rows); w != (groupcast.Window{}) {
		n, err := total()
		if err != nil {
			return p, err
		}
		p.Total = int(n)
	}
	return p, nil
}
