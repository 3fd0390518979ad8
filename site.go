package groupcast

import (
	"context"

	"github.com/groupcast/groupcast/internal/protocol"
)

// OwnSite is the name of the server's own site: that of all devices until they are put into another.
const OwnSite = "here"

// SiteService is for administrators: the parts of the network whose devices hear one another's multicast.
type SiteService interface {
	// CreateSite makes a site without devices. EConflict: there is one of this name.
	CreateSite(ctx context.Context, p Principal, n NewSite) (Site, error)
	// Sites lists all of them, the server's own first.
	Sites(ctx context.Context, p Principal) ([]Site, error)
	// Site shows one; ENotFound: there is none of this name.
	Site(ctx context.Context, p Principal, name string) (Site, error)
	// DeleteSite ends a site. EConflict: devices or relays are in it, or it is the server's own.
	DeleteSite(ctx context.Context, p Principal, name string) error
	// SetSite puts devices into a site, and says what became of each. What they receive by multicast just now
	// continues as their new site has it.
	SetSite(ctx context.Context, p Principal, c SiteChange) ([]DeviceResult, error)
}

// NewSite is what a site begins with.
type NewSite struct {
	Name string `json:"name"`
}

// Site is a part of the network.
type Site struct {
	Name      string `json:"name"`
	Own       bool   `json:"own"`       // the server's own
	Multicast bool   `json:"multicast"` // something sends multicast in it; else its devices fetch over HTTPS
	Devices   int    `json:"devices"`
	Active    int    `json:"active"` // of them, those that are attached now
}

// SiteChange says which devices are in which site.
type SiteChange struct {
	Devices []protocol.DeviceID `json:"devices"`
	Site    string              `json:"site"`
}

// Check says why this cannot be asked.
func (c SiteChange) Check() error { return checkDevices(c.Devices) }
