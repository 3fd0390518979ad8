package server

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/presence"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

const (
	attachEvery = 250 * time.Millisecond // of one device, in the long run: many machines may hold copies of one home
	attachBurst = 64
	maxAttached = 24_000

	// How often a user joins and leaves, and logs in (security.md C10); a room of machines may log in at once
	// with one account.
	wishEvery  = 3 * time.Second
	wishBurst  = 20
	loginEvery = 5 * time.Second
	loginBurst = store.MaxDevices

	maxDeviceStreams = 4 // downloads of one device at once
)

// watchers bounds the event streams of people, that is of screens. What of the server's streams
// one account may have is large, since an account may stand for a room of machines, but never
// all, and administrators keep a part for themselves (C10).
func watchers() auth.Bounds {
	return auth.Bounds{What: "event streams", All: 1000, Each: 32, Admins: 200, Local: 16}
}

// speaks has the versions that agents are told.
func (cfg Config) speaks() groupcast.Speaks {
	if cfg.Speaks == (groupcast.Speaks{}) {
		return groupcast.Spoken()
	}
	return cfg.Speaks
}

// attaching bounds who is attached. An account may have twice as many streams as devices: when a
// network broke and comes back, the old streams are found to be dead after the new ones came.
func attaching(cfg Config, left func(protocol.DeviceID)) presence.AgentsConfig {
	return presence.AgentsConfig{
		Now: cfg.Now, Speaks: cfg.speaks(), Left: left, Every: attachEvery, Burst: attachBurst,
		Streams: auth.Bounds{
			What: "attached receivers", All: maxAttached, Each: 2 * store.MaxDevices, Admins: maxAttached / 50,
		},
	}
}

// catchUps bounds the downloads that run at once. Each holds a block in memory.
func catchUps() auth.Bounds {
	return auth.Bounds{What: "downloads", All: 128, Each: 32, Admins: 8, Line: 1024, Wait: 20 * time.Second}
}
