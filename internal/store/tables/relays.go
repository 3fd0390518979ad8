package tables

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// AddRelay announces a relay.
func (s *Store) AddRelay(ctx context.Context, r store.NewRelay, at time.Time) error {
	err := s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		if err := away(ctx, q, r.Site); err != nil {
			return err
		}
		return q.AddRelay(ctx, queries.AddRelayParams{
			ID: r.ID.String(), Site: siteText(r.Site), Name: r.Name, Code: hashText(r.Code),
			CodeExpires: micros(r.Expires), CreatedAt: micros(at),
		})
	})
	if taken(err) {
		return groupcast.Errorf(groupcast.EConflict, "there is a relay %s already", r.Name)
	}
	return err
}

// away checks that there is a site, and that it is not the server's own.
func away(ctx context.Context, q *queries.Queries, site protocol.SiteID) error {
	if site == (protocol.SiteID{}) {
		return groupcast.Errorf(groupcast.EInvalid, "the server itself sends in its own site")
	}
	_, err := q.Site(ctx, siteText(site))
	return missing(err, "site", site)
}

// EnrolRelay uses a relay's code.
func (s *Store) EnrolRelay(ctx context.Context, e store.Enrolment, at time.Time) (out store.Relay, err error) {
	err = s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		r, err := q.EnrolRelay(ctx, queries.EnrolRelayParams{
			Code: hashText(e.Code), Token: hashText(e.Token), PublicKey: hex.EncodeToString(e.Key), Now: micros(at),
		})
		if err != nil {
			return missing(err, "relay", "with this code, or it was used, or is over")
		}
		out, err = relayFrom(r)
		return err
	})
	return out, err
}

func relayFrom(r queries.Relay) (out store.Relay, err error) {
	out = store.Relay{
		Name: r.Name, Expires: instant(r.CodeExpires), Created: instant(r.CreatedAt), Revoked: instant(r.RevokedAt),
	}
	site, siteErr := siteID(r.Site)
	out.Site = site
	if r.PublicKey != "" {
		out.Key, err = hex.DecodeString(r.PublicKey)
	}
	return out, errors.Join(err, siteErr, parse(&out.ID, r.ID))
}

// Relays lists all relays.
func (s *Store) Relays(ctx context.Context) (out []store.Relay, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Relays(ctx)
		if err != nil {
			return err
		}
		out, err = each(rows, relayFrom)
		return err
	})
	return out, err
}

// FindRelay gives the relay of a token.
func (s *Store) FindRelay(ctx context.Context, token store.TokenHash) (out store.Relay, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		r, err := q.RelayByToken(ctx, hashText(token))
		if err != nil {
			return missing(err, "relay", "with this token")
		}
		out, err = relayFrom(r)
		return err
	})
	return out, err
}

// RevokeRelay ends a relay.
func (s *Store) RevokeRelay(ctx context.Context, id protocol.RelayID, at time.Time) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		n, err := q.RevokeRelay(ctx, queries.RevokeRelayParams{ID: id.String(), RevokedAt: micros(at)})
		if err == nil && n == 0 {
			err = notFound("relay", id)
		}
		return err
	})
}

// GrantSite lets a group be sent in a site.
func (s *Store) GrantSite(ctx context.Context, site protocol.SiteID, group protocol.GroupID) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		if err := away(ctx, q, site); err != nil {
			return err
		}
		if _, err := q.GroupByID(ctx, group.String()); err != nil {
			return missing(err, "group", group)
		}
		return q.GrantSite(ctx, queries.GrantSiteParams{Site: siteText(site), GroupID: group.String()})
	})
}

// UngrantSite ends what GrantSite began.
func (s *Store) UngrantSite(ctx context.Context, site protocol.SiteID, group protocol.GroupID) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		n, err := q.UngrantSite(ctx, queries.UngrantSiteParams{Site: siteText(site), GroupID: group.String()})
		if err == nil && n == 0 {
			err = notFound("grant of this group to site", site)
		}
		return err
	})
}

// GroupsOfSite lists the groups that are granted to a site.
func (s *Store) GroupsOfSite(ctx context.Context, site protocol.SiteID) (out []protocol.GroupID, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.GroupsOfSite(ctx, siteText(site))
		if err != nil {
			return err
		}
		out, err = each(rows, func(text string) (id protocol.GroupID, err error) { return id, parse(&id, text) })
		return err
	})
	return out, err
}

// RelayMay says whether a relay may fetch a transfer.
func (s *Store) RelayMay(ctx context.Context, relay protocol.RelayID, no protocol.TransferNo) error {
	return s.read(ctx, func(q *queries.Queries) error {
		n, err := q.RelayMay(ctx, queries.RelayMayParams{Relay: relay.String(), TransferNo: int64(no)})
		if err == nil && n == 0 {
			err = notFound("transfer", no)
		}
		return err
	})
}

// RelayOwed lists the transfers that a relay may fetch.
func (s *Store) RelayOwed(
	ctx context.Context, relay protocol.RelayID, most int,
) (out []protocol.TransferNo, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.RelayOwed(ctx, queries.RelayOwedParams{Relay: relay.String(), Most: int32(most)})
		out = make([]protocol.TransferNo, len(rows))
		for i, no := range rows {
			out[i] = protocol.TransferNo(no)
		}
		return err
	})
	return out, err
}

// AddLease notes that a lease is about to be granted.
func (s *Store) AddLease(ctx context.Context, l store.Lease) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		n, err := q.AddLease(ctx, queries.AddLeaseParams{
			Session: l.Session.String(), Version: int64(l.Version), Site: siteText(l.At.Site), Epoch: int64(l.At.Epoch),
			Relay: l.Relay.String(), GroupID: l.Group.String(),
		})
		if err != nil || n > 0 {
			return err
		}
		if err := inEpoch(ctx, q, l.At); err != nil {
			return err
		}
		return groupcast.Errorf(groupcast.EConflict, "the relay %v may not send this group in its site", l.Relay)
	})
}

// DropLeases forgets leases that have run out, or whose sessions are over.
func (s *Store) DropLeases(ctx context.Context, sessions []protocol.SessionID) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		for _, id := range sessions {
			if err := q.DropLease(ctx, id.String()); err != nil {
				return err
			}
		}
		return nil
	})
}

// Leases lists all leases.
func (s *Store) Leases(ctx context.Context) (out []store.Lease, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Leases(ctx)
		if err != nil {
			return err
		}
		out, err = each(rows, leaseFrom)
		return err
	})
	return out, err
}

func leaseFrom(r queries.Lease) (out store.Lease, err error) {
	out.Version, out.At.Epoch = uint64(r.Version), uint64(r.Epoch)
	out.At.Site, err = siteID(r.Site)
	return out, errors.Join(err, parse(&out.Session, r.Session), parse(&out.Relay, r.Relay), parse(&out.Group, r.GroupID))
}
