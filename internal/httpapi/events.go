package httpapi

import (
	"context"
	"encoding/base64"
	"net/http"
	"reflect"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/tcp"
)

// eventRoutes are the two event streams: changes for users, messages for one device.
func (a *api) eventRoutes() {
	schemas := a.huma.OpenAPI().Components.Schemas
	eventStream(a, route{
		method: http.MethodGet, path: "/events", id: "events", access: users,
		summary: "Subscribe to changes; members see those of their groups and devices",
	},
		schemas.Schema(reflect.TypeFor[groupcast.Event](), true, ""), nil,
		func(ctx context.Context, p groupcast.Principal, _ *nothing) (source, func(), error) {
			return a.subscribe(ctx, p)
		})
	eventStream(a, route{
		method: http.MethodGet, path: "/agent/events", id: "agent-events", access: agents,
		summary: "Subscribe to the messages for this device",
	},
		schemas.Schema(reflect.TypeFor[groupcast.AgentEvent](), true, ""), tcp.TailProbes, a.attachAgent)
}

// attaching is groupcast.Attach as parameters of the address.
type attaching struct {
	Instance string `query:"instance" maxLength:"64" doc:"Random name of the receiver's process"`
	Boot     string `query:"boot" maxLength:"64" doc:"Name of the machine's boot"`
	Keep     bool   `query:"keep" doc:"Whether this machine keeps the device if another one uses the same login"`
	Program  string `query:"program" maxLength:"64" doc:"Version of groupcast"`
	// An agent that gives none of these speaks version 1.
	ControlLeast int    `query:"control_least" minimum:"0" doc:"Lowest version of this API; 1 if left out"`
	ControlMost  int    `query:"control_most" minimum:"0" doc:"Highest version of this API"`
	WireLeast    int    `query:"wire_least" minimum:"0" doc:"Lowest version of the multicast protocol"`
	WireMost     int    `query:"wire_most" minimum:"0" doc:"Highest version of the multicast protocol"`
	Newest       string `query:"newest" maxLength:"1366" doc:"Newest offer that the device got, in base64url"`
	Signature    string `query:"newest_signature" maxLength:"1366" doc:"Its signature, in base64url"`
}

// offer gives the newest offer that the agent shows. What is not base64 shows none.
func (in *attaching) offer() (offer, signature []byte) {
	offer, err := base64.RawURLEncoding.DecodeString(in.Newest)
	if err != nil {
		return nil, nil
	}
	signature, err = base64.RawURLEncoding.DecodeString(in.Signature)
	if err != nil {
		return nil, nil
	}
	return offer, signature
}

func (a *api) subscribe(ctx context.Context, p groupcast.Principal) (source, func(), error) {
	seen := filter(seeAll)
	if !p.Admin() {
		f, err := a.memberFilter(ctx, p)
		if err != nil {
			return nil, nil, err
		}
		seen = f
	}
	s, err := a.service.Events(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx, wait context.Context) (line, bool, error) {
		e, err := s.Next(wait)
		if err != nil {
			return line{}, false, err
		}
		e, ok := seen(ctx, e)
		return line{e.Version, string(e.Kind), e}, ok, nil
	}, s.Close, nil
}

// filter says whether a listener may see an event, and what of it.
type filter func(context.Context, groupcast.Event) (groupcast.Event, bool)

func seeAll(_ context.Context, e groupcast.Event) (groupcast.Event, bool) { return e, true }

// memberFilter lets members see events about themselves and, without names and files of others, those
// of their groups. Events about a transfer are hidden unless they say that it was released.
func (a *api) memberFilter(ctx context.Context, p groupcast.Principal) (filter, error) {
	mine, err := a.ownGroups(ctx, p)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, e groupcast.Event) (groupcast.Event, bool) {
		own := e.User != "" && e.User == p.User.Name
		if own && (e.Kind == groupcast.EventMember || e.Kind == groupcast.EventRequest) {
			if now, err := a.ownGroups(ctx, p); err == nil {
				mine = now
			}
		}
		return memberSees(e, own, mine[e.Group])
	}, nil
}

func memberSees(e groupcast.Event, own, member bool) (groupcast.Event, bool) {
	switch {
	case e.Transfer != 0 && !e.Released:
		return groupcast.Event{}, false
	case e.Kind == groupcast.EventHello, own:
		e.Data = nil
		return e, true
	case member && e.User == "" && (e.Kind == groupcast.EventGroup || e.Kind == groupcast.EventTransfer):
		e.Text, e.Data = "", nil // a hint that something changed is enough
		return e, true
	}
	return groupcast.Event{}, false
}

func (a *api) ownGroups(ctx context.Context, p groupcast.Principal) (map[string]bool, error) {
	groups, err := a.service.GroupsOnOffer(ctx, p, true)
	if err != nil {
		return nil, err
	}
	mine := map[string]bool{}
	for _, g := range groups {
		mine[g.Name] = g.Membership == groupcast.MembershipMember
	}
	return mine, nil
}

func (a *api) attachAgent(ctx context.Context, p groupcast.Principal, in *attaching) (source, func(), error) {
	if !a.attach.allow(attacher{p.Device.ID, in.Instance}, time.Now()) {
		return nil, nil, groupcast.Errorf(groupcast.EExhausted, "this device attaches too often").
			WithHint("it tries again by itself")
	}
	say := groupcast.Attach{Instance: in.Instance, Boot: in.Boot, Keep: in.Keep, Speaks: groupcast.Speaks{
		Program: in.Program,
		Control: groupcast.Versions{Least: in.ControlLeast, Most: in.ControlMost},
		Wire:    groupcast.Versions{Least: in.WireLeast, Most: in.WireMost},
	}}
	say.Newest, say.NewestSignature = in.offer()
	s, err := a.service.AgentEvents(ctx, p, say)
	if err != nil {
		return nil, nil, err
	}
	return func(_, wait context.Context) (line, bool, error) {
		e, err := s.Next(wait)
		return line{e.Version, string(e.Kind), e}, true, err
	}, s.Close, nil
}

// How often an agent's process may attach (security.md C10): once in 5 s in the long run, and a few
// times in a row, because networks come back in bursts.
const (
	attachEvery  = 5 * time.Second
	attachBurst  = 5
	maxAttaching = 100_000 // processes remembered
)

// attacher is a process of a device's agent. Machines with copies of one home share the device, and
// each should be told at once: the server limits how often the device as a whole attaches.
type attacher struct {
	device   protocol.DeviceID
	instance string
}

// attachLimits remembers how often each process attached.
type attachLimits struct {
	mu      sync.Mutex
	devices map[attacher]*rate.Limiter
}

func newAttachLimits() *attachLimits {
	return &attachLimits{devices: map[attacher]*rate.Limiter{}}
}

func (l *attachLimits) allow(id attacher, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.devices[id]
	if d == nil {
		if len(l.devices) >= maxAttaching {
			clear(l.devices) // cheaper than to look for the oldest
		}
		d = rate.NewLimiter(rate.Every(attachEvery), attachBurst)
		l.devices[id] = d
	}
	return d.AllowN(now, 1)
}
