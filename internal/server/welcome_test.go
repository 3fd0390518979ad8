package server

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

// C3: what the set-up page hands over signs one browser in, once, for a few minutes.
func TestTheFirstAdministratorsTicketWorksOnce(t *testing.T) {
	inBubble(t, func(w *world) {
		token, err := w.OfferFirstAdmin(w.ctx, false)
		w.must(err)
		if is, err := w.Welcome(w.ctx); err != nil || !is.SetUp || is.ServerID != w.id {
			t.Fatalf("before: %+v, %v", is, err)
		}
		made, err := w.FirstAdmin(w.ctx, "", groupcast.FirstAdmin{
			Token: token, Name: "root", Password: password, Server: "Physics lab",
		})
		w.must(err)
		if is, err := w.Welcome(w.ctx); err != nil || is.SetUp || is.Name != "Physics lab" {
			t.Fatalf("after: %+v, %v", is, err)
		}
		if _, _, err := w.EnterWeb(w.ctx, "", "guess"); !errors.Is(err, errTicket) {
			t.Fatalf("a guessed ticket: %v", err)
		}
		cookie, me, err := w.EnterWeb(w.ctx, "", made.Ticket)
		w.must(err)
		if me.User.Name != "root" || !me.Admin || me.Server != "Physics lab" {
			t.Fatalf("signed in as %+v", me)
		}
		if p, err := w.Authenticate(w.ctx, "", cookie); err != nil || p.Scope != groupcast.ScopeWeb {
			t.Fatalf("the cookie is of %+v, %v", p, err)
		}
		if _, _, err := w.EnterWeb(w.ctx, "", made.Ticket); !errors.Is(err, errTicket) {
			t.Fatalf("the ticket a second time: %v", err)
		}
	})
}

func TestTheFirstAdministratorsTicketExpires(t *testing.T) {
	inBubble(t, func(w *world) {
		token, err := w.OfferFirstAdmin(w.ctx, false)
		w.must(err)
		if _, _, err := w.EnterWeb(w.ctx, "", ""); !errors.Is(err, errTicket) {
			t.Fatalf("without a ticket that is out: %v", err)
		}
		made, err := w.FirstAdmin(w.ctx, "", groupcast.FirstAdmin{Token: token, Name: "root", Password: password})
		w.must(err)
		time.Sleep(groupcast.TicketLife + time.Second)
		if _, _, err := w.EnterWeb(w.ctx, "", made.Ticket); !errors.Is(err, errTicket) {
			t.Fatal(err)
		}
	})
}

func TestAServerIsNamed(t *testing.T) {
	inBubble(t, func(w *world) {
		w.cfg.Machine = "pc-1"
		name := func(s string) error {
			_, err := w.ChangeServer(w.ctx, local, groupcast.ServerChange{Name: &s})
			return err
		}
		is := func(want string) {
			t.Helper()
			if got, err := w.Name(w.ctx); err != nil || got != want {
				t.Errorf("it is called %q, %v, want %q", got, err, want)
			}
		}
		is("pc-1")
		w.must(name("Raum 204 – Süd"))
		is("Raum 204 – Süd")
		for _, bad := range []string{" x", "x ", "a\nb", "a\u202eb", "\xff", strings.Repeat("ä", maxServerName+1)} {
			if err := name(bad); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%q: %v", bad, err)
			}
		}
		if _, err := w.ChangeServer(w.ctx, groupcast.Principal{}, groupcast.ServerChange{}); groupcast.ErrorCode(err) !=
			groupcast.EForbidden {
			t.Errorf("by nobody: %v", err)
		}
		is("Raum 204 – Süd")
		w.must(name(""))
		is("pc-1")
		entries, err := auditOf(w.Audit(w.ctx, local, groupcast.AuditQuery{Action: "server.name"}))
		w.must(err)
		if len(entries) != 2 {
			t.Errorf("%d entries in the audit log", len(entries))
		}
	})
}
