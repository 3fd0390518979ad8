package tables

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// AddMember makes a user a member and owes them what is open.
func (s *Store) AddMember(
	ctx context.Context, group protocol.GroupID, userID, by string, at time.Time,
) (m groupcast.Member, owed []groupcast.Delivery, err error) {
	err = s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		if owed, err = admit(ctx, q, group, userID, by, micros(at)); err != nil {
			return err
		}
		m, err = member(ctx, q, group, userID)
		return err
	})
	return m, owed, err
}

// admit is what AddMember and ApproveRequest share.
func admit(
	ctx context.Context, q *queries.Queries, group protocol.GroupID, userID, by string, at int64,
) ([]groupcast.Delivery, error) {
	if err := known(ctx, q, group, userID); err != nil {
		return nil, err
	}
	err := q.AddMember(ctx, queries.AddMemberParams{GroupID: group.String(), UserID: userID, Since: at})
	if taken(err) {
		return nil, groupcast.Errorf(groupcast.EConflict, "the user is a member already")
	}
	if err != nil {
		return nil, err
	}
	if _, err := q.RaiseVersion(ctx, group.String()); err != nil {
		return nil, err
	}
	if _, err := decide(ctx, q, group, userID, groupcast.RequestApproved, by, at); err != nil {
		return nil, err
	}
	owe := queries.OweMemberParams{UpdatedAt: at, UserID: userID, GroupID: group.String()}
	if err := q.OweMember(ctx, owe); err != nil {
		return nil, err
	}
	if err := q.OweMemberWithoutDevice(ctx, queries.OweMemberWithoutDeviceParams(owe)); err != nil {
		return nil, err
	}
	if err := recountOfUser(ctx, q, userID); err != nil {
		return nil, err
	}
	rows, err := q.OwedToMember(ctx, queries.OwedToMemberParams{UserID: userID, GroupID: group.String()})
	if err != nil {
		return nil, err
	}
	return each(rows, func(r queries.OwedToMemberRow) (groupcast.Delivery, error) {
		return deliveryFrom(r.Delivery, r.GroupName)
	})
}

// known answers ENotFound for a group or user that is not there.
func known(ctx context.Context, q *queries.Queries, group protocol.GroupID, userID string) error {
	if _, err := q.GroupByID(ctx, group.String()); err != nil {
		return missing(err, "group", group)
	}
	_, err := q.UserByID(ctx, userID)
	return missing(err, "user", userID)
}

func member(ctx context.Context, q *queries.Queries, group protocol.GroupID, userID string) (groupcast.Member, error) {
	r, err := q.Member(ctx, queries.MemberParams{GroupID: group.String(), UserID: userID})
	if err != nil {
		return groupcast.Member{}, missing(err, "member", userID)
	}
	return memberFrom(queries.MembersRow(r))
}

func memberFrom(r queries.MembersRow) (groupcast.Member, error) {
	m := groupcast.Member{
		Group: r.GroupName, UserID: r.UserID, User: r.UserName, Since: instant(r.Since),
		Devices: int(r.Devices),
	}
	return m, parse(&m.GroupID, r.GroupID)
}

// RemoveMember ends a membership.
func (s *Store) RemoveMember(ctx context.Context, group protocol.GroupID, userID string, at time.Time) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		n, err := q.RemoveMember(ctx, queries.RemoveMemberParams{GroupID: group.String(), UserID: userID})
		if err = touched(n, err, "member", userID); err != nil {
			return err
		}
		if _, err := q.RaiseVersion(ctx, group.String()); err != nil {
			return err
		}
		if err := q.LeaveSeats(ctx, queries.LeaveSeatsParams{GroupID: group.String(), UserID: userID}); err != nil {
			return err
		}
		if err := q.CancelOfMember(ctx, queries.CancelOfMemberParams{
			Reason: "not a member any more", UpdatedAt: micros(at), UserID: userID, GroupID: group.String(),
		}); err != nil {
			return err
		}
		return recountOfUser(ctx, q, userID)
	})
}

// Memberships gives the members of every group.
func (s *Store) Memberships(ctx context.Context) (out map[protocol.GroupID][]string, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Memberships(ctx)
		if err != nil {
			return err
		}
		of := map[string][]string{}
		for _, r := range rows {
			of[r.GroupID] = append(of[r.GroupID], r.UserID)
		}
		out = make(map[protocol.GroupID][]string, len(of))
		for text, users := range of {
			var id protocol.GroupID
			if err := id.UnmarshalText([]byte(text)); err != nil {
				return err
			}
			out[id] = users
		}
		return nil
	})
	return out, err
}

// Members lists a group's members by name.
func (s *Store) Members(
	ctx context.Context, group protocol.GroupID, w groupcast.Window,
) (out groupcast.Page[groupcast.Member], err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Members(ctx, queries.MembersParams{GroupID: group.String(), Most: most(w), Skip: skip(w.From)})
		if err != nil {
			return err
		}
		out, err = page(w, rows, memberFrom, func() (int64, error) { return q.CountMembers(ctx, group.String()) })
		return err
	})
	return out, err
}

// Entitled says whether a device may have a transfer now. It is one statement, hence one
// state of the database.
func (s *Store) Entitled(
	ctx context.Context, no protocol.TransferNo, dev protocol.DeviceID,
) (e store.Entitlement, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		r, err := q.Entitled(ctx, queries.EntitledParams{TransferNo: int64(no), DeviceID: deviceText(dev)})
		if err != nil {
			return missing(err, "transfer", no)
		}
		e.Version = uint64(r.Version)
		if e.Delivery, err = deliveryFrom(r.Delivery, r.GroupName); err != nil {
			return err
		}
		return parse(&e.GroupID, r.GroupID)
	})
	return e, err
}
