package relays

import (
	"context"
	"errors"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// Relays lists all relays by their names.
func (r *Calls) Relays(ctx context.Context, p groupcast.Principal) ([]groupcast.Relay, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	all, err := r.cfg.Store.Relays(ctx)
	if err != nil {
		return nil, err
	}
	sites, err := r.cfg.Store.Sites(ctx)
	if err != nil {
		return nil, err
	}
	names, groups := map[protocol.SiteID]string{}, map[protocol.SiteID][]string{}
	for _, s := range sites {
		names[s.Site] = s.Name
	}
	out := make([]groupcast.Relay, 0, len(all))
	for _, is := range all {
		if groups[is.Site] == nil {
			if groups[is.Site], err = r.groups(ctx, is.Site); err != nil {
				return nil, err
			}
		}
		out = append(out, r.shown(is, names[is.Site], groups[is.Site]))
	}
	return out, nil
}

// groups names the groups that are granted to a site.
func (r *Calls) groups(ctx context.Context, site protocol.SiteID) ([]string, error) {
	ids, err := r.cfg.Store.GroupsOfSite(ctx, site)
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		g, groupErr := r.cfg.Store.GroupByID(ctx, id)
		if groupcast.ErrorCode(groupErr) == groupcast.ENotFound {
			continue // it was deleted meanwhile
		}
		err = errors.Join(err, groupErr)
		out = append(out, g.Name)
	}
	return out, err
}

// shown is a relay as an administrator sees it.
func (r *Calls) shown(is store.Relay, site string, groups []string) groupcast.Relay {
	out := groupcast.Relay{
		ID: is.ID, Name: is.Name, Site: site, Groups: groups, CreatedAt: is.Created, Expires: is.Expires,
	}
	r.mu.Lock()
	last, spoke := r.said[is.ID]
	r.mu.Unlock()
	if spoke {
		out.SeenAt, out.Report = last.at, &last.report
	}
	out.State = stateOf(is, last.at, r.cfg.Now())
	return out
}

func stateOf(is store.Relay, seen, now time.Time) groupcast.RelayState {
	switch {
	case !is.Revoked.IsZero():
		return groupcast.RelayRevoked
	case is.Key == nil && now.After(is.Expires):
		return groupcast.RelayExpired
	case is.Key == nil:
		return groupcast.RelayInvited
	case now.Sub(seen) > groupcast.RelayAwayAfter:
		return groupcast.RelayAway
	}
	return groupcast.RelayHere
}
