package tables

import (
	"context"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/engine"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// AddHandouts notes that devices were handed a session's key. It need not outlive the power: a
// session, and with it the key, does not either.
func (s *Store) AddHandouts(ctx context.Context, handouts []store.Handout, at time.Time) []error {
	out := make([]error, 0, len(handouts))
	for some := range slices.Chunk(handouts, engine.MostTogether) {
		changes := make([]change, len(some))
		for i, h := range some {
			changes[i] = func(ctx context.Context, q *queries.Queries) error { return addHandout(ctx, q, h, at) }
		}
		out = append(out, s.engine.Together(ctx, changes, nil, false)...)
	}
	return out
}

func addHandout(ctx context.Context, q *queries.Queries, h store.Handout, at time.Time) error {
	n, err := q.AddHandout(ctx, queries.AddHandoutParams{
		TransferNo: int64(h.Transfer), Session: h.Session.String(), Version: int64(h.Version),
		At: micros(at), DeviceID: h.Device.String(), Site: siteText(h.Site.Site), Epoch: int64(h.Site.Epoch),
	})
	if err != nil || n > 0 {
		return err
	}
	if err := inEpoch(ctx, q, h.Site); err != nil {
		return err
	}
	r, err := q.Device(ctx, h.Device.String())
	if err != nil {
		return missing(err, "device", h.Device)
	}
	if r.Device.Site != siteText(h.Site.Site) {
		return groupcast.Errorf(groupcast.EConflict, "the device is in another site now")
	}
	return nil // it was noted before
}

// Handouts lists who was handed the keys of a transfer's sessions.
func (s *Store) Handouts(ctx context.Context, no protocol.TransferNo) (out []groupcast.KeyHolder, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		if _, err := transfer(ctx, q, no); err != nil {
			return err
		}
		rows, err := q.Handouts(ctx, queries.HandoutsParams{TransferNo: int64(no), Most: store.MaxHandouts})
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.Handout) (groupcast.KeyHolder, error) {
			h := groupcast.KeyHolder{Version: uint64(r.Version), User: r.UserName, Device: r.DeviceName, At: instant(r.At)}
			if err := parse(&h.DeviceID, r.DeviceID); err != nil {
				return h, err
			}
			return h, parse(&h.Session, r.Session)
		})
		return err
	})
	return out, err
}

// SessionsOfGroup lists the sessions of a group that keys were given out for.
func (s *Store) SessionsOfGroup(
	ctx context.Context, group protocol.GroupID, most int,
) (out []groupcast.KeySession, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.SessionsOfGroup(ctx, queries.SessionsOfGroupParams{
			GroupID: group.String(), Most: int32(store.Limited(most)),
		})
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.SessionsOfGroupRow) (groupcast.KeySession, error) {
			k := groupcast.KeySession{
				Transfer: protocol.TransferNo(r.TransferNo), Name: r.Name, Version: uint64(r.Version),
				FirstAt: instant(r.FirstAt), Devices: int(r.Devices),
			}
			return k, parse(&k.Session, r.Session)
		})
		return err
	})
	return out, err
}

// Traffic sums the transfers that were first sent at or after since.
func (s *Store) Traffic(ctx context.Context, since time.Time) (t groupcast.Traffic, err error) {
	from := max(micros(since), 1) // 0 stands for never sent
	err = s.read(ctx, func(q *queries.Queries) error {
		r, err := q.Traffic(ctx, from)
		t = groupcast.Traffic{
			Transfers: int(r.Transfers), Delivered: uint64(r.Delivered), Sent: uint64(r.Sent), Saved: uint64(r.Saved),
		}
		return err
	})
	return t, err
}
