// Package doctor looks at a machine for what keeps files away from it: network card, multicast,
// buffers, server, clock. It says what it found in words, with what to do about it.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
)

// Finding is one thing that was looked at.
type Finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Said string `json:"said"`
	Next string `json:"next,omitempty"`
}

// Machine is what is examined.
type Machine struct {
	Interface string // the card to look at; empty: the one that routes to the server
	Home      home.Home
	Login     home.Login
	LoginErr  error // why there is no login
	Client    func() (*apiclient.Client, error)
}

// Examine looks at everything, in the order in which it is said.
func (m Machine) Examine(ctx context.Context) (found []Finding) {
	server := netip.Addr{}
	if m.LoginErr != nil {
		found = append(found, notLoggedIn(m.Home, m.LoginErr))
	} else {
		found = append(found, Finding{
			"login", true, fmt.Sprintf("%s at %s, home %s", m.Login.User, m.Login.Server, m.Home.Path()), "",
		})
		var more []Finding
		server, more = m.examineServer(ctx)
		found = append(found, more...)
	}
	card, f := chooseCard(m.Interface, server)
	found = append(found, f)
	if f.OK {
		found = append(found, multicastFlag(card), groupRoute(card))
		found = append(found, hearOneself(ctx, card)...)
	}
	return append(found, receiveBuffers(), firewallHint())
}

// notLoggedIn is a fault on a receiver only.
func notLoggedIn(h home.Home, err error) Finding {
	if _, statErr := os.Stat(h.Socket()); statErr == nil {
		return Finding{"server", true, "a server has this home; no login is needed here", ""}
	}
	var e *groupcast.Error
	if errors.As(err, &e) {
		return Finding{"login", false, e.Message, ui.Hint(e)}
	}
	return Finding{"login", false, err.Error(), "log in again"}
}

// examineServer reaches for the server and compares clocks.
func (m Machine) examineServer(ctx context.Context) (addr netip.Addr, found []Finding) {
	client, err := m.Client()
	if err != nil {
		return addr, []Finding{{"server", false, err.Error(), "log in again"}}
	}
	defer client.Close()
	before := time.Now()
	state, err := client.AgentState(ctx)
	if err != nil {
		next := "is `groupcast serve` running there, and does a firewall let TCP 7440 through?"
		var e *groupcast.Error
		if errors.As(err, &e) && e.Hint != "" {
			next = ui.Hint(e)
		}
		return addr, []Finding{{"server", false, err.Error(), next}}
	}
	trip := time.Since(before)
	found = append(found, Finding{
		"server", true,
		fmt.Sprintf("answers in %s; in %s", trip.Round(time.Millisecond), ui.Plural(len(state.Groups), "group")), "",
	})
	off := before.Add(trip / 2).Sub(state.Now).Round(time.Second)
	found = append(found, Finding{
		"clock", off.Abs() < 2*time.Minute, fmt.Sprintf("%s off the server's", off),
		"set this machine's clock; groupcast works meanwhile",
	})
	return serverAddr(m.Login.Server), found
}

// hearOneself sends packets to a group and hears them on the same card: what that shows is
// that this machine's own kernel and firewall let multicast through.
func hearOneself(ctx context.Context, card mcast.Interface) []Finding {
	group := netip.AddrPortFrom(netip.MustParseAddr("239.192.255.254"), protocol.DataPort)
	if !card.Addr4.IsValid() {
		group = netip.AddrPortFrom(netip.MustParseAddr("ff15::8000:fffe"), protocol.DataPort)
	}
	heard, note, err := selfTest(ctx, card, group)
	if err != nil {
		return []Finding{{"multicast", false, err.Error(), "is the card up, and does `ip route get 239.192.1.1` name it?"}}
	}
	found := []Finding{{
		"multicast", heard > 0, fmt.Sprintf("%d of 10 packets to %s heard on this machine itself", heard, group),
		"a firewall drops them: allow UDP 7441 in, to the groups' addresses (docs/troubleshooting.md)",
	}}
	if note != "" {
		found = append(found, Finding{
			"receive buffer", false, note, "without it a fast sender overruns this machine; it works, only slower",
		})
	}
	return found
}

func selfTest(ctx context.Context, card mcast.Interface, group netip.AddrPort) (heard int, note string, err error) {
	l, err := mcast.Listen(group)
	if err != nil {
		return 0, "", err
	}
	defer l.Close()
	if err := l.Join(card, group.Addr(), netip.Addr{}); err != nil {
		return 0, "", err
	}
	link, err := mcast.OpenLink(card, 1)
	if err != nil {
		return 0, "", err
	}
	defer link.Close()
	got := make(chan int)
	go func() {
		n, messages := 0, []mcast.Message{{Buffer: make([]byte, mcast.BufferBytes)}}
		for {
			if _, err := l.ReadBatch(messages); err != nil {
				got <- n
				return
			}
			n++
		}
	}()
	for range 10 {
		if err := link.WriteTrain(ctx, group, []byte("groupcast doctor"), 16); err != nil {
			l.Close()
			<-got
			return 0, "", err
		}
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond)
	note = l.BufferNote()
	l.Close()
	return <-got, note, nil
}
