package tables

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// AddRequest stores a request to become a member. It replaces an earlier one that was decided.
func (s *Store) AddRequest(
	ctx context.Context, group protocol.GroupID, userID, text string, at time.Time,
) (r groupcast.JoinRequest, err error) {
	id := newID(at)
	err = s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		if err := mayAsk(ctx, q, group, userID); err != nil {
			return err
		}
		if err := q.ForgetDecided(ctx, queries.ForgetDecidedParams{GroupID: group.String(), UserID: userID}); err != nil {
			return err
		}
		if err := q.AddRequest(ctx, queries.AddRequestParams{
			ID: id, GroupID: group.String(), UserID: userID, Text: text, AskedAt: micros(at),
		}); err != nil {
			return err
		}
		r, err = request(ctx, q, id)
		return err
	})
	if taken(err) {
		return r, groupcast.Errorf(groupcast.EConflict, "you have asked already").
			WithHint("wait until an administrator decides")
	}
	return r, err
}

func mayAsk(ctx context.Context, q *queries.Queries, group protocol.GroupID, userID string) error {
	if err := known(ctx, q, group, userID); err != nil {
		return err
	}
	in, err := q.IsMember(ctx, queries.IsMemberParams{GroupID: group.String(), UserID: userID})
	if err != nil {
		return err
	}
	if in > 0 {
		return groupcast.Errorf(groupcast.EConflict, "you are a member already")
	}
	open, err := q.OpenRequestsOfUser(ctx, userID)
	if err != nil {
		return err
	}
	if open >= store.MaxOpenRequests {
		return groupcast.Errorf(groupcast.EExhausted, "you have %d open requests", open).
			WithHint("wait until some are decided, or take one back").
			WithNext(groupcast.Next{Step: groupcast.StepWithdraw})
	}
	return nil
}

func request(ctx context.Context, q *queries.Queries, id string) (groupcast.JoinRequest, error) {
	r, err := q.Request(ctx, id)
	if err != nil {
		return groupcast.JoinRequest{}, missing(err, "request", id)
	}
	return requestFrom(queries.RequestsRow(r))
}

// Requests lists the requests of a state, oldest first.
func (s *Store) Requests(
	ctx context.Context, state groupcast.RequestState, w groupcast.Window,
) (out groupcast.Page[groupcast.JoinRequest], err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Requests(ctx, queries.RequestsParams{State: string(state), Most: most(w), Skip: skip(w.From)})
		if err != nil {
			return err
		}
		out, err = page(w, rows, requestFrom, func() (int64, error) { return q.CountRequests(ctx, string(state)) })
		return err
	})
	return out, err
}

// ApproveRequest makes a user with an open request a member.
func (s *Store) ApproveRequest(
	ctx context.Context, group protocol.GroupID, userID, by string, at time.Time,
) (r groupcast.JoinRequest, owed []groupcast.Delivery, err error) {
	err = s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		id, err := openRequest(ctx, q, group, userID)
		if err != nil {
			return err
		}
		if owed, err = admit(ctx, q, group, userID, by, micros(at)); err != nil {
			return err
		}
		r, err = request(ctx, q, id)
		return err
	})
	return r, owed, err
}

// DenyRequest turns a wish down.
func (s *Store) DenyRequest(
	ctx context.Context, group protocol.GroupID, userID, by string, at time.Time,
) (r groupcast.JoinRequest, err error) {
	err = s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		id, err := openRequest(ctx, q, group, userID)
		if err != nil {
			return err
		}
		if _, err := decide(ctx, q, group, userID, groupcast.RequestDenied, by, micros(at)); err != nil {
			return err
		}
		r, err = request(ctx, q, id)
		return err
	})
	return r, err
}

func openRequest(ctx context.Context, q *queries.Queries, group protocol.GroupID, userID string) (string, error) {
	id, err := q.OpenRequest(ctx, queries.OpenRequestParams{GroupID: group.String(), UserID: userID})
	return id, missing(err, "open request", "of this user for this group")
}

func decide(
	ctx context.Context, q *queries.Queries, group protocol.GroupID, userID string, state groupcast.RequestState,
	by string, at int64,
) (int64, error) {
	return q.DecideRequest(ctx, queries.DecideRequestParams{
		State: string(state), DecidedAt: at, DecidedBy: by, GroupID: group.String(), UserID: userID,
	})
}

// WithdrawRequest takes an open request back.
func (s *Store) WithdrawRequest(ctx context.Context, group protocol.GroupID, userID string) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		n, err := q.WithdrawRequest(ctx, queries.WithdrawRequestParams{GroupID: group.String(), UserID: userID})
		return touched(n, err, "open request", "of this user for this group")
	})
}
