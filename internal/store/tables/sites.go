package tables

import (
	"context"
	"errors"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// siteText is the empty string for the server's own site.
func siteText(id protocol.SiteID) string {
	if id == (protocol.SiteID{}) {
		return ""
	}
	return id.String()
}

func siteID(text string) (id protocol.SiteID, err error) {
	if text != "" {
		err = parse(&id, text)
	}
	return id, err
}

// Sites lists all sites.
func (s *Store) Sites(ctx context.Context) (out []store.Site, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Sites(ctx)
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.Site) (store.Site, error) {
			id, err := siteID(r.ID)
			return store.Site{SiteEpoch: store.SiteEpoch{Site: id, Epoch: uint64(r.Epoch)}, Name: r.Name}, err
		})
		return err
	})
	return out, err
}

// AddSite makes a site.
func (s *Store) AddSite(ctx context.Context, id protocol.SiteID, name string) error {
	err := s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		return q.AddSite(ctx, queries.AddSiteParams{ID: siteText(id), Name: name})
	})
	if taken(err) {
		return groupcast.Errorf(groupcast.EConflict, "there is a site %s already", name)
	}
	return err
}

// TakeSite begins the next epoch of a site.
func (s *Store) TakeSite(ctx context.Context, id protocol.SiteID) (at store.SiteEpoch, err error) {
	err = s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		epoch, err := q.TakeSite(ctx, siteText(id))
		if err != nil {
			return missing(err, "site", id)
		}
		at = store.SiteEpoch{Site: id, Epoch: uint64(epoch)}
		return q.CloseOlderOffers(ctx, queries.CloseOlderOffersParams{Site: siteText(id), Epoch: epoch})
	})
	return at, err
}

// SkipSitesPast moves the epochs of all sites on.
func (s *Store) SkipSitesPast(ctx context.Context, epoch uint64) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		return q.SkipSitesPast(ctx, int64(epoch))
	})
}

// DeviceSite says which site a device is in.
func (s *Store) DeviceSite(
	ctx context.Context, dev protocol.DeviceID,
) (site protocol.SiteID, moves uint64, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		r, err := q.Device(ctx, deviceText(dev))
		if err != nil {
			return missing(err, "device", dev)
		}
		moves = uint64(r.Device.SiteEpoch)
		site, err = siteID(r.Device.Site)
		return err
	})
	return site, moves, err
}

// MoveDevice puts a device into a site.
func (s *Store) MoveDevice(ctx context.Context, dev protocol.DeviceID, to protocol.SiteID, moves uint64) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		n, err := q.MoveDevice(ctx, queries.MoveDeviceParams{
			Site: siteText(to), ID: deviceText(dev), SiteEpoch: int64(moves),
		})
		if err != nil {
			return err
		}
		r, err := q.Device(ctx, deviceText(dev))
		if err != nil {
			return missing(err, "device", dev)
		}
		if n == 0 {
			if _, err := q.Site(ctx, siteText(to)); err != nil {
				return missing(err, "site", to)
			}
			return groupcast.Errorf(groupcast.EConflict, "the device was moved into another site meanwhile")
		}
		if err := q.MoveDeliveries(ctx,
			queries.MoveDeliveriesParams{Site: siteText(to), DeviceID: deviceText(dev)}); err != nil {
			return err
		}
		return recountOfUser(ctx, q, r.Device.UserID)
	})
}

// Placed gives the sites of all devices that are not in the server's own.
func (s *Store) Placed(ctx context.Context) (out map[protocol.DeviceID]protocol.SiteID, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Placed(ctx)
		out = make(map[protocol.DeviceID]protocol.SiteID, len(rows))
		for _, r := range rows {
			dev, bad := deviceID(r.ID)
			site, worse := siteID(r.Site)
			err = errors.Join(err, bad, worse)
			out[dev] = site
		}
		return err
	})
	return out, err
}

// RemoveSite ends a site without devices and relays.
func (s *Store) RemoveSite(ctx context.Context, id protocol.SiteID) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		if err := away(ctx, q, id); err != nil {
			return err
		}
		site := siteText(id)
		switch in, err := q.CountInSite(ctx, site); {
		case err != nil:
			return err
		case in.Devices > 0 || in.Relays > 0:
			return groupcast.Errorf(groupcast.EConflict, "the site has %d devices and %d relays", in.Devices, in.Relays).
				WithHint("put its devices into another site and revoke its relays first")
		}
		for _, do := range []func(context.Context, string) error{
			q.TakeInDeliveries, q.TakeInCounts, q.DropSiteCounts, q.DropSiteGroups,
		} {
			if err := do(ctx, site); err != nil {
				return err
			}
		}
		n, err := q.RemoveSite(ctx, site)
		return touched(n, err, "site", id)
	})
}

// inEpoch says why nothing was written for a site: it does not exist, or was taken over. Nil if
// neither is so.
func inEpoch(ctx context.Context, q *queries.Queries, at store.SiteEpoch) error {
	r, err := q.Site(ctx, siteText(at.Site))
	if err != nil {
		return missing(err, "site", at.Site)
	}
	if uint64(r.Epoch) != at.Epoch {
		return groupcast.Errorf(groupcast.EConflict, "another server has taken over the site %s (epoch %d, not %d)",
			r.Name, r.Epoch, at.Epoch)
	}
	return nil
}

// counted answers for a statement that adds to what a transfer counts in a site.
func counted(
	ctx context.Context, q *queries.Queries, at store.SiteEpoch, no protocol.TransferNo, n int64, err error,
) error {
	if err != nil || n > 0 {
		return err
	}
	if err := inEpoch(ctx, q, at); err != nil {
		return err
	}
	return notFound("transfer", no)
}

// ForgedLately says whether so many blocks of a transfer of a group came wrong that was sent since then.
func (s *Store) ForgedLately(
	ctx context.Context, group protocol.GroupID, blocks int, since time.Time,
) (lately bool, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		n, err := q.ForgedLately(ctx, queries.ForgedLatelyParams{
			GroupID: group.String(), Since: micros(since), Blocks: int64(blocks),
		})
		lately = n > 0
		return err
	})
	return lately, err
}

// NoteForged raises what is known of packets that a member forged in a site.
func (s *Store) NoteForged(
	ctx context.Context, at store.SiteEpoch, no protocol.TransferNo, f groupcast.Forging,
) error {
	return s.quickly(ctx, func(ctx context.Context, q *queries.Queries) error {
		n, err := q.NoteForged(ctx, queries.NoteForgedParams{
			Devices: int64(f.Devices), Blocks: int64(f.Blocks), Site: siteText(at.Site), Epoch: int64(at.Epoch), No: int64(no),
		})
		return counted(ctx, q, at, no, n, err)
	})
}

// AddTransferBytes adds to what went out in a site.
func (s *Store) AddTransferBytes(
	ctx context.Context, at store.SiteEpoch, no protocol.TransferNo, wire, https uint64,
) error {
	return s.quickly(ctx, func(ctx context.Context, q *queries.Queries) error {
		n, err := q.AddTransferBytes(ctx, queries.AddTransferBytesParams{
			Wire: int64(wire), Https: int64(https), Site: siteText(at.Site), Epoch: int64(at.Epoch), No: int64(no),
		})
		return counted(ctx, q, at, no, n, err)
	})
}

// CountsBySite lists what is counted of a transfer, site by site.
func (s *Store) CountsBySite(ctx context.Context, no protocol.TransferNo) (out []store.SiteCounts, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		if _, err := transfer(ctx, q, no); err != nil {
			return err
		}
		rows, err := q.TransferSites(ctx, int64(no))
		if err != nil {
			return err
		}
		out, err = each(rows, func(r queries.TransferSite) (store.SiteCounts, error) {
			id, err := siteID(r.Site)
			return store.SiteCounts{
				Site: id, WireBytes: uint64(r.WireBytes), HTTPSBytes: uint64(r.HttpsBytes),
				ForgedDevices: int(r.ForgedDevices), ForgedBlocks: int(r.ForgedBlocks),
				Owed: int(r.Owed), Verified: int(r.Verified), Failed: int(r.Failed), Incomplete: int(r.Incomplete),
			}, err
		})
		return err
	})
	return out, err
}

// recountOfUser counts again what is owed of the open transfers that a user is or was owed.
func recountOfUser(ctx context.Context, q *queries.Queries, userID string) error {
	if err := q.CountSitesOfUser(ctx, userID); err != nil {
		return err
	}
	return q.RecountOfUser(ctx, userID)
}

// recountTransfer counts a transfer's deliveries again, in each site.
func recountTransfer(ctx context.Context, q *queries.Queries, no int64) error {
	if err := q.CountSites(ctx, no); err != nil {
		return err
	}
	return q.RecountTransfer(ctx, no)
}
