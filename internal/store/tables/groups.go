package tables

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// AddGroup makes a group.
func (s *Store) AddGroup(ctx context.Context, g groupcast.Group, at time.Time) (groupcast.Group, error) {
	err := s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		return q.AddGroup(ctx, queries.AddGroupParams{
			ID: g.ID.String(), Name: g.Name, Address: g.Address.String(),
			Description: g.Description, Unlisted: g.Unlisted, CreatedAt: micros(at),
			NewDevices: string(cmp.Or(g.NewDevices, groupcast.NewDevicesAllow)),
		})
	})
	if taken(err) {
		return groupcast.Group{}, groupcast.Errorf(groupcast.EConflict, "group %s exists already", g.Name)
	}
	if err != nil {
		return groupcast.Group{}, err
	}
	return s.GroupByID(ctx, g.ID)
}

// Group gives a group by its name.
func (s *Store) Group(ctx context.Context, name string) (g groupcast.Group, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		r, err := q.GroupByName(ctx, name)
		if err != nil {
			return missing(err, "group", name)
		}
		g, err = groupFrom(r.Group, r.Members, r.Pending)
		return err
	})
	return g, err
}

// GroupByID gives a group by its ID.
func (s *Store) GroupByID(ctx context.Context, id protocol.GroupID) (g groupcast.Group, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		r, err := q.GroupByID(ctx, id.String())
		if err != nil {
			return missing(err, "group", id)
		}
		g, err = groupFrom(r.Group, r.Members, r.Pending)
		return err
	})
	return g, err
}

// Groups lists the groups by name.
func (s *Store) Groups(ctx context.Context) (out []groupcast.Group, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Groups(ctx)
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.GroupsRow) (groupcast.Group, error) {
			return groupFrom(r.Group, r.Members, r.Pending)
		})
		return err
	})
	return out, err
}

// GroupsOfUser lists the groups a user is in.
func (s *Store) GroupsOfUser(ctx context.Context, userID string) (out []groupcast.Group, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.GroupsOfUser(ctx, userID)
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.GroupsOfUserRow) (groupcast.Group, error) {
			return groupFrom(r.Group, r.Members, r.Pending)
		})
		return err
	})
	return out, err
}

// DeleteGroup ends a group and its open transfers.
func (s *Store) DeleteGroup(ctx context.Context, id protocol.GroupID, at time.Time) ([]protocol.TransferNo, error) {
	var ended []protocol.TransferNo
	err := s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		open, err := q.OpenTransfersOfGroup(ctx, id.String())
		if err != nil {
			return err
		}
		ended = nil // a change may be tried again
		for _, no := range open {
			if err := closeTransfer(ctx, q, closing{
				no: no, state: groupcast.TransferCancelled, delivery: groupcast.DeliveryCancelled,
				reason: "the group was deleted", at: micros(at),
			}); err != nil {
				return err
			}
			ended = append(ended, protocol.TransferNo(no))
		}
		n, err := q.DeleteGroup(ctx, id.String())
		return touched(n, err, "group", id)
	})
	return ended, err
}

// standing is how a user stands to a group.
type standing struct {
	membership groupcast.Membership
	since      time.Time
}

// GroupsOnOffer lists the groups as a user sees them.
func (s *Store) GroupsOnOffer(ctx context.Context, userID string, mine bool) (out []groupcast.GroupOnOffer, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		standings, err := standingsOf(ctx, q, userID)
		if err != nil {
			return err
		}
		rows, err := q.Groups(ctx)
		if err != nil {
			return err
		}
		out = nil // it may be read again
		for _, r := range rows {
			g, err := groupFrom(r.Group, 0, 0)
			if err != nil {
				return err
			}
			st, known := standings[r.Group.ID]
			if !known {
				st.membership = groupcast.MembershipNone
			}
			involved := st.membership == groupcast.MembershipMember || st.membership == groupcast.MembershipAsked
			if involved || (!mine && !g.Unlisted) {
				out = append(out, groupcast.GroupOnOffer{
					ID: g.ID, Name: g.Name, Description: g.Description, Address: g.Address,
					Membership: st.membership, Since: st.since,
				})
			}
		}
		return nil
	})
	return out, err
}

func standingsOf(ctx context.Context, q *queries.Queries, userID string) (map[string]standing, error) {
	out := map[string]standing{}
	asked, err := q.RequestsOfUser(ctx, userID)
	if err != nil {
		return nil, err
	}
	// Oldest first: the last word on a group wins.
	slices.SortStableFunc(asked, func(a, b queries.Request) int { return cmp.Compare(a.AskedAt, b.AskedAt) })
	for _, r := range asked {
		switch groupcast.RequestState(r.State) {
		case groupcast.RequestOpen:
			out[r.GroupID] = standing{groupcast.MembershipAsked, instant(r.AskedAt)}
		case groupcast.RequestDenied:
			out[r.GroupID] = standing{groupcast.MembershipDenied, instant(r.DecidedAt)}
		case groupcast.RequestApproved: // the memberships below say so
		}
	}
	in, err := q.MembershipsOfUser(ctx, userID)
	if err != nil {
		return nil, err
	}
	for _, r := range in {
		out[r.GroupID] = standing{groupcast.MembershipMember, instant(r.Since)}
	}
	return out, nil
}
