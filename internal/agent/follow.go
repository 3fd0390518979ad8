package agent

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/receiver"
)

const (
	followEvery = 5 * time.Second        // where the system tells nothing of its network, and in case it did not
	hurrySpread = 300 * time.Millisecond // a switch that comes back must not bring all its devices at once
)

// watchNetwork follows the route to the server, over whichever network card it leads. It has a goroutine
// of its own, because listing cards takes the system a while.
func (a *Agent) watchNetwork(ctx context.Context) {
	watch := mcast.OpenWatch()
	defer watch.Close()
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			a.follow(nil)
		case <-watch.C():
			returned := watch.Returned()
			moved := a.follow(returned)
			a.hurry(moved || len(returned) > 0)
			a.tellMTU(ctx)
		}
	}
}

// follow receives groups and sends feedback over the card that leads to the server now. Cards that
// disappeared and came back have lost their group memberships.
func (a *Agent) follow(returned map[int]bool) (moved bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	local, server, ok := a.cfg.Client.Route()
	if !ok || a.endpoint == nil {
		return false
	}
	before, was := a.endpoint.Route(), a.server
	a.server = server.Addr()
	moved, err := a.endpoint.Reroute(a.server, returned)
	now := a.endpoint.Route()
	if moved && (where(before, was) != where(now, a.server) || was != a.server) {
		a.say(Line{Kind: "network", Text: fmt.Sprintf("the way to the server leads to %s over %s now; it was %s over %s",
			a.server, where(now, a.server), was, where(before, was))})
	}
	a.sayDeaf(err)
	if a.stale(local, now) {
		a.cfg.Log.Info("the connection to the server is given up: its address is gone from this machine", "address", local)
		a.cfg.Client.Reconnect()
	}
	return moved
}

// where names a card and the address that packets to the server leave it from.
func where(i mcast.Interface, server netip.Addr) string {
	if i.Name == "" {
		return "no network card"
	}
	return fmt.Sprintf("%s (%s)", i.Name, i.Source(server))
}

// sayDeaf reports when groups cannot be received any more, and when they can again.
func (a *Agent) sayDeaf(err error) {
	switch {
	case err != nil && !a.deaf:
		a.say(Line{Kind: "warning", Text: fmt.Sprintf("no multicast here at present (%v); files come over HTTPS", err)})
	case err == nil && a.deaf:
		a.say(Line{Kind: "network", Text: "multicast works again"})
	}
	a.deaf = err != nil
}

// stale says, once of each connection, that the address it comes from is no longer there, or
// stands on a card without a link while the server is reached by another.
func (a *Agent) stale(local netip.AddrPort, route mcast.Interface) bool {
	if local == a.gone || local.Addr().IsLoopback() {
		return false
	}
	card, err := mcast.InterfaceByName(local.Addr().String())
	if err == nil && (card.Running || card.Index == route.Index) {
		return false
	}
	a.gone = local
	return true
}

// hurry makes the agent connect now if it waits for its next attempt, and start over if the current
// attempt began over another route.
func (a *Agent) hurry(anew bool) {
	select {
	case a.haste <- struct{}{}:
	default:
	}
	if !anew {
		return
	}
	if giveUp := a.giveUp.Swap(nil); giveUp != nil {
		(*giveUp)()
	}
}

// rest waits before the next try to connect, less when the network has changed.
func (a *Agent) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-a.haste:
		timer.Reset(min(d, rand.N(hurrySpread)))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
}

// mtu is what the card holds that hears groups; 0 if it is not known.
func (a *Agent) mtu() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.endpoint == nil {
		return 0
	}
	return a.endpoint.Route().MTU
}

// tellMTU reports a changed MTU of the card to the server, which chooses the size of packets by it.
func (a *Agent) tellMTU(ctx context.Context) {
	mtu := a.mtu()
	if told := a.told.Swap(int64(mtu)); mtu == 0 || told == int64(mtu) {
		return
	}
	a.calls.post(lane{kind: deviceCalls}, call{with: ctx, name: "mtu", do: func(ctx context.Context) {
		if err := a.cfg.Client.Report(ctx, groupcast.AgentReport{MTU: mtu}); err != nil {
			a.told.Store(0)
			a.cfg.Log.Debug("MTU not reported", "err", err)
		}
	}})
}

// serverNow is where feedback goes: the other end of the connection to the pinned server, and
// nowhere else (rule I6).
func (a *Agent) serverNow() netip.Addr {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.server
}

// openEndpoint opens the sockets once the first connection has shown where the server is.
func (a *Agent) openEndpoint() {
	if a.endpoint != nil {
		a.follow(nil)
		return
	}
	_, server, _ := a.cfg.Client.Route()
	endpoint, err := receiver.OpenEndpoint(receiver.EndpointConfig{
		Interface: a.cfg.Interface, Server: server.Addr(), OnPlain: a.hearUnsealed, Drop: a.cfg.Drop, Log: a.cfg.Log,
	})
	if err != nil {
		a.say(Line{Kind: "warning", Text: fmt.Sprintf("no multicast here at present (%v); files come over HTTPS", err)})
	}
	a.mu.Lock()
	a.server, a.endpoint = server.Addr(), endpoint
	a.mu.Unlock()
}
