package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
)

// finding is one thing that doctor looked at.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Said string `json:"said"`
	Next string `json:"next,omitempty"`
}

func (a *app) doctor() *cobra.Command {
	var iface string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what keeps files away: network card, multicast, buffers, server, clock",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			found := a.examine(c.Context(), iface)
			if a.JSON {
				return a.PrintJSON(found)
			}
			bad := 0
			for _, f := range found {
				fmt.Fprintf(a.Out, "%s  %-18s %s\n", yes(f.OK, "ok  ", "LOOK"), f.What, ui.Clean(f.Said))
				if !f.OK {
					bad++
					fmt.Fprintf(a.Out, "      next: %s\n", ui.Clean(f.Next))
				}
			}
			if bad > 0 {
				return groupcast.Errorf(groupcast.EUnavailable, "%s to look at", ui.Plural(bad, "thing"))
			}
			return nil
		},
	}
	c.Flags().StringVar(&iface, "interface", "", "network card to look at (default: the one that routes to the server)")
	return c
}

func (a *app) examine(ctx context.Context, iface string) (found []finding) {
	h, login, err := a.loggedIn()
	server := netip.Addr{}
	if err != nil {
		found = append(found, notLoggedIn(h, err))
	} else {
		found = append(found, finding{
			"login", true, fmt.Sprintf("%s at %s, home %s", login.User, login.Server, h.Path()), "",
		})
		var more []finding
		server, more = a.examineServer(ctx, login)
		found = append(found, more...)
	}
	card, f := chooseCard(iface, server)
	found = append(found, f)
	if f.OK {
		found = append(found, multicastFlag(card), groupRoute(card))
		found = append(found, hearOneself(ctx, card)...)
	}
	return append(found, receiveBuffers(), firewallHint())
}

// notLoggedIn is a fault on a receiver only.
func notLoggedIn(h home.Home, err error) finding {
	if _, statErr := os.Stat(h.Socket()); statErr == nil {
		return finding{"server", true, "a server has this home; no login is needed here", ""}
	}
	var e *groupcast.Error
	if errors.As(err, &e) {
		return finding{"login", false, e.Message, ui.Hint(e)}
	}
	return finding{"login", false, err.Error(), "log in again"}
}

// examineServer reaches for the server and compares clocks.
func (a *app) examineServer(ctx context.Context, login home.Login) (addr netip.Addr, found []finding) {
	client, err := a.client(login, string(login.AgentToken))
	if err != nil {
		return addr, []finding{{"server", false, err.Error(), "log in again"}}
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
		return addr, []finding{{"server", false, err.Error(), next}}
	}
	trip := time.Since(before)
	found = append(found, finding{
		"server", true,
		fmt.Sprintf("answers in %s; in %s", trip.Round(time.Millisecond), ui.Plural(len(state.Groups), "group")), "",
	})
	off := before.Add(trip / 2).Sub(state.Now).Round(time.Second)
	found = append(found, finding{
		"clock", off.Abs() < 2*time.Minute, fmt.Sprintf("%s off the server's", off),
		"set this machine's clock; groupcast works meanwhile",
	})
	return serverAddr(login.Server), found
}

// hearOneself sends packets to a group and hears them on the same card: what that shows is
// that this machine's own kernel and firewall let multicast through.
func hearOneself(ctx context.Context, card mcast.Interface) []finding {
	group := netip.AddrPortFrom(netip.MustParseAddr("239.192.255.254"), protocol.DataPort)
	if !card.Addr4.IsValid() {
		group = netip.AddrPortFrom(netip.MustParseAddr("ff15::8000:fffe"), protocol.DataPort)
	}
	heard, note, err := selfTest(ctx, card, group)
	if err != nil {
		return []finding{{"multicast", false, err.Error(), "is the card up, and does `ip route get 239.192.1.1` name it?"}}
	}
	found := []finding{{
		"multicast", heard > 0, fmt.Sprintf("%d of 10 packets to %s heard on this machine itself", heard, group),
		"a firewall drops them: allow UDP 7441 in, to the groups' addresses (docs/troubleshooting.md)",
	}}
	if note != "" {
		found = append(found, finding{
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
