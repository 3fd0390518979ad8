package delivery

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

// An offer says what the store has of transfer and group, is signed, kept for proofs and announced to
// the group.
func TestWhatAnOfferSays(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, _, offers := running(w, "ann", "bob")
		o, kept := offers[0], w.madeUp("g")
		if o.Transfer != tr.No || o.Server != w.cfg.Server || o.Group != tr.GroupID || o.Flags&wire.OfferMulticast == 0 {
			t.Errorf("whose it is: %+v", o)
		}
		if o.IndexDigest != kept.Root || o.TotalBytes != kept.Bytes || int(o.Blocks) != kept.Blocks ||
			o.ManifestBytes != kept.ManifestBytes || o.ManifestBlocks != kept.ManifestBlocks || o.Files != 1 {
			t.Errorf("what it is of: %+v", o)
		}
		if o.Number == 0 || o.Floor == 0 || o.Floor > o.Number {
			t.Errorf("number %d, floor %d", o.Number, o.Floor)
		}
		signed, err := w.db.SignedOffers(w.ctx, tr.No)
		w.must(err)
		if len(signed) != 1 || signed[0].Number != o.Number {
			t.Errorf("kept for proofs: %+v", signed)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.plain) != 1 {
			t.Fatalf("%d announcements", len(w.plain))
		}
		said, err := seal.VerifyAnnounce(w.key.Public(), w.plain[0])
		if err != nil || said.Number != o.Number || said.Group != o.Group {
			t.Errorf("announced: %+v, %v", said, err)
		}
	})
}

// A session that cannot be made is no fault of what is sent: it goes over HTTPS, and why is said.
func TestASessionThatCannotBeMade(t *testing.T) {
	broken := errors.New("no such interface")
	for name, change := range map[string]func(*Config){
		"no sender": func(c *Config) {
			c.NewSender = func(sender.Config) (Session, error) { return nil, broken }
		},
		"no number at first": func(c *Config) {
			draw, failed := c.OpenOffer, false
			c.OpenOffer = func(
				ctx context.Context, in store.SiteEpoch, no protocol.TransferNo,
			) (protocol.OfferNo, protocol.OfferNo, error) {
				if !failed {
					failed = true
					return 0, 0, broken
				}
				return draw(ctx, in, no)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.bootWith(change)
				w.group("g")
				agents := []*agent{w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach()}
				tr := w.send("g", nil)
				for _, a := range agents {
					o := a.offered()
					if o.Flags&wire.OfferMulticast != 0 {
						t.Fatal("multicast was offered")
					}
					h, err := a.ready(o)
					if w.must(err); !h.HTTPS {
						t.Fatalf("answered %+v", h)
					}
				}
				says := "multicast does not work at the server: no such interface"
				if d := w.deliveryOf(tr.No, "ann"); !strings.Contains(d.Reason, says) {
					t.Errorf("the reason: %q", d.Reason)
				}
				if w.Sessions() != 0 {
					t.Error("a session is left")
				}
			})
		})
	}
}

// A session whose interface went ends, and what is left of it goes over HTTPS: nothing is wrong with
// the files.
func TestAnInterfaceThatGoes(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, _ := running(w, "ann", "bob")
		w.sender().End(sender.ErrInterface)
		for _, a := range agents {
			if o := a.offered(); o.Flags&wire.OfferMulticast != 0 {
				t.Error("offered multicast again")
			}
		}
		if got := w.shown(tr.No); got.State != groupcast.TransferSending || !strings.Contains(got.Reason, "2 over HTTPS") {
			t.Errorf("%s, %q", got.State, got.Reason)
		}
	})
}

// Content that is gone ends its transfer, whoever finds out: the session, its beginning or a download.
func TestContentThatIsGone(t *testing.T) {
	gone := groupcast.Errorf(groupcast.EConflict, "its content is gone").Wrap(content.ErrContentGone)
	for name, find := range map[string]func(w *world, tr groupcast.Transfer, ann *agent){
		"the session": func(w *world, _ groupcast.Transfer, _ *agent) { w.sender().End(gone) },
		"a download": func(w *world, tr groupcast.Transfer, ann *agent) {
			w.source = func(store.Transfer) (content.Blocks, error) { return nil, gone }
			_, err := ann.blocks(tr.No, 0, 1)
			if !errors.Is(err, content.ErrContentGone) {
				t.Errorf("the device was told %v", err)
			}
		},
		"the next session": func(w *world, _ groupcast.Transfer, _ *agent) {
			w.source = func(store.Transfer) (content.Blocks, error) { return nil, gone }
			w.remove("cat", "g")
			time.Sleep(time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				tr, agents, _ := running(w, "ann", "bob", "cat")
				screen := w.watching()
				find(w, tr, agents[0])
				w.settle()
				got := w.shown(tr.No)
				if got.State != groupcast.TransferFailed || got.Owed != 0 || !strings.Contains(got.Reason, "its content is gone") {
					t.Errorf("%s: %q", got.State, got.Reason)
				}
				agents[0].told(groupcast.AgentEnd)
				failed := false
				for _, event := range waiting(screen.Next) {
					failed = failed || strings.HasPrefix(event.Text, "failed: ")
				}
				if !failed || w.Sessions() != 0 {
					t.Errorf("the screens were told: %v; %d sessions", failed, w.Sessions())
				}
			})
		})
	}
}

// That a group could not be told of an offer holds nothing up: the devices have it on their streams.
func TestAnAnnouncementThatIsNotSent(t *testing.T) {
	inBubble(t, func(w *world) {
		w.bootWith(func(c *Config) {
			c.SendPlain = func(context.Context, netip.AddrPort, []byte) error { return errors.New("no route") }
		})
		running(w, "ann", "bob")
		if !strings.Contains(w.logged.String(), "no route") {
			t.Error("it is not in the log")
		}
	})
}

// Each offer over HTTPS has a number above what was offered before, and is the same for all who come
// before the members change.
func TestOffersOverHTTPSAreShared(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, bob := w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach()
		w.send("g", func(tr *store.Transfer) { tr.Via = groupcast.ViaHTTPS })
		first, same := ann.offered(), bob.offered()
		if first.Number != same.Number || first.Session != same.Session {
			t.Errorf("two offers: %d and %d", first.Number, same.Number)
		}
		cat := w.enrol("cat", "g").attach()
		if next := cat.offered(); next.Number <= first.Number || next.MembershipVersion <= first.MembershipVersion {
			t.Errorf("after a change of members: %+v", next)
		}
	})
}
