package store

import (
	"context"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Sites are the parts of the network that one sender each reaches by multicast. The server's own,
// the zero SiteID, is always there. What is done for a site names the epoch in which it is done:
// EConflict if the site has been taken over since, ENotFound if there is no such site.
type Sites interface {
	// Sites lists all of them, the server's own first.
	Sites(ctx context.Context) ([]Site, error)
	// AddSite makes a site: EConflict if it is there or its name is taken.
	AddSite(ctx context.Context, id protocol.SiteID, name string) error
	// TakeSite begins the next epoch of a site, which it gives, and closes the offers of older
	// ones: no session outlives the process that runs it.
	TakeSite(ctx context.Context, id protocol.SiteID) (SiteEpoch, error)
	// SkipSitesPast moves the epochs of all sites to one that was seen elsewhere, unless they are further (O4).
	SkipSitesPast(ctx context.Context, epoch uint64) error
	// DeviceSite says which site a device is in, and how often it was moved.
	DeviceSite(ctx context.Context, dev protocol.DeviceID) (site protocol.SiteID, moves uint64, err error)
	// MoveDevice puts a device, with what it is owed, into a site if it was moved so often before:
	// EConflict if it was moved meanwhile.
	MoveDevice(ctx context.Context, dev protocol.DeviceID, to protocol.SiteID, moves uint64) error
	// Placed gives the sites of all devices that are not in the server's own.
	Placed(ctx context.Context) (map[protocol.DeviceID]protocol.SiteID, error)
	// RemoveSite ends a site; what was counted in it counts in the server's own from then on. EConflict: it has devices
	// or relays, or is the server's own.
	RemoveSite(ctx context.Context, id protocol.SiteID) error
}

// Site is a part of the network.
type Site struct {
	SiteEpoch
	Name string
}

// SiteEpoch is a site and the epoch in which something is done for it.
type SiteEpoch struct {
	Site  protocol.SiteID
	Epoch uint64
}

// SiteCounts is what is counted of a transfer in one site.
type SiteCounts struct {
	Site                               protocol.SiteID
	WireBytes, HTTPSBytes              uint64
	ForgedDevices, ForgedBlocks        int
	Owed, Verified, Failed, Incomplete int
}
