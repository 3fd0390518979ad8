package server

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// put puts devices into a site.
func (w *world) put(site string, agents ...*agent) {
	w.Helper()
	c := groupcast.SiteChange{Site: site}
	for _, a := range agents {
		c.Devices = append(c.Devices, a.p.Device.ID)
	}
	out, err := w.SetSite(w.ctx, local, c)
	w.must(err)
	for _, r := range out {
		if r.Code != "" || r.Site != site {
			w.Errorf("%s: %+v", r.Who(), r)
		}
	}
	synctest.Wait()
}

// fetches expects one offer of a transfer, over HTTPS, and gives it.
func (a *agent) fetches() wire.Offer {
	a.w.Helper()
	o := a.offered()
	if o.Flags&wire.OfferMulticast != 0 {
		a.w.Errorf("%s was offered a session: %+v", a.p.User.Name, o)
	}
	h, err := a.ready(o)
	if a.w.must(err); !h.HTTPS || len(h.SessionSecret) > 0 {
		a.w.Errorf("%s was handed %+v", a.p.User.Name, h)
	}
	return o
}

// receives expects one offer of a session and takes its keys.
func (a *agent) receives() wire.Offer {
	a.w.Helper()
	o := a.offered()
	h, err := a.ready(o)
	if a.w.must(err); o.Flags&wire.OfferMulticast == 0 || len(h.SessionSecret) == 0 {
		a.w.Errorf("%s: no session: %+v, %+v", a.p.User.Name, o, h)
	}
	return o
}

// Devices in a site without multicast fetch over HTTPS at once, also after a restart of the server, while the others
// have a session; a session that begins or ends does not touch what they were offered.
func TestASiteWithoutMulticast(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, bob, eve, dan := w.enrol("ann", "g"), w.enrol("bob", "g"), w.enrol("eve", "g"), w.enrol("dan", "g")
		_, err := w.CreateSite(w.ctx, local, groupcast.NewSite{Name: "depot"})
		w.must(err)
		w.put("depot", eve, dan)
		for _, a := range []*agent{ann, bob, eve} {
			a.attach()
		}
		tr := w.send("g", nil)
		o := eve.fetches()
		ann.receives()
		bob.receives()
		if w.sessions() != 1 {
			t.Fatalf("%d sessions", w.sessions())
		}
		dan.attach()
		if later := dan.fetches(); later.Number != o.Number {
			t.Errorf("the session made another offer of the site's: %d, %d", o.Number, later.Number)
		}
		all, err := rows(w.Deliveries(w.ctx, local, tr.No, groupcast.Window{}))
		w.must(err)
		for _, d := range all {
			there := d.User == "eve" || d.User == "dan"
			if strings.Contains(d.Reason, "its site has no multicast") != there || d.Cause != "" {
				t.Errorf("%s: %q %q", d.User, d.Reason, d.Cause)
			}
		}
		w.must(eve.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		w.reboot()
		for _, a := range []*agent{ann, bob, dan} {
			a.attach()
		}
		time.Sleep(settle)
		dan.fetches()
		ann.receives()
		bob.receives()
		if got := w.whom(tr.No); got != "ann bob dan" {
			t.Errorf("owed to %q", got)
		}
	})
}

// A device that is put elsewhere in the middle of a session leaves it and continues over HTTPS, and the other way.
func TestADeviceIsPutIntoAnotherSite(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, bob, eve := w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach(), w.enrol("eve", "g").attach()
		_, err := w.CreateSite(w.ctx, local, groupcast.NewSite{Name: "depot"})
		w.must(err)
		w.send("g", nil)
		for _, a := range []*agent{ann, bob, eve} {
			a.receives()
		}
		w.put("depot", eve)
		old := eve.fetches()
		w.put(groupcast.OwnSite, eve)
		back := eve.fetches() // a device takes no offer that is older than one it has
		w.put("depot", eve)
		if again := eve.fetches(); back.Number <= old.Number || again.Number <= back.Number {
			t.Errorf("offers %d, %d, %d", old.Number, back.Number, again.Number)
		}
		if w.sessions() != 1 {
			t.Errorf("%d sessions", w.sessions())
		}
	})
}

func TestSitesAreLookedAfter(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, bob := w.enrol("ann", "g").attach(), w.enrol("bob", "g")
		for name, code := range map[string]groupcast.Code{
			"depot": "", "De pot": groupcast.EInvalid, "": groupcast.EInvalid, groupcast.OwnSite: groupcast.EConflict,
		} {
			_, err := w.CreateSite(w.ctx, local, groupcast.NewSite{Name: name})
			if err != nil && groupcast.ErrorCode(err) != code || (err == nil) != (code == "") {
				t.Errorf("%q: %v", name, err)
			}
		}
		w.put("depot", ann)
		out, err := w.SetSite(w.ctx, local, groupcast.SiteChange{Site: "depot", Devices: []protocol.DeviceID{
			{0xee}, bob.p.Device.ID, bob.p.Device.ID,
		}})
		w.must(err)
		if len(out) != 2 || out[0].Code != groupcast.ENotFound || out[1].Code != "" {
			t.Errorf("%+v", out)
		}
		sites, err := w.Sites(w.ctx, local)
		w.must(err)
		want := []groupcast.Site{
			{Name: "here", Own: true, Multicast: true}, {Name: "depot", Devices: 2, Active: 1},
		}
		if len(sites) != 2 || sites[0] != want[0] || sites[1] != want[1] {
			t.Errorf("%+v", sites)
		}
		devices, err := rows(w.Devices(w.ctx, local, groupcast.DeviceFilter{}, groupcast.Window{}))
		w.must(err)
		for _, d := range devices {
			if d.Site != "depot" {
				t.Errorf("%s is in %q", d.Name, d.Site)
			}
		}
		if err := w.DeleteSite(w.ctx, local, "depot"); groupcast.ErrorCode(err) != groupcast.EConflict {
			t.Errorf("a site with devices: %v", err)
		}
		w.put(groupcast.OwnSite, ann, bob)
		w.must(w.DeleteSite(w.ctx, local, "depot"))
		if _, err := w.Site(w.ctx, local, "depot"); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("a site that is gone: %v", err)
		}
	})
}
