package server

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

func (w *world) browser(name string) (string, groupcast.Principal) {
	w.Helper()
	token, me, err := w.LoginWeb(w.ctx, "192.0.2.7", name, password)
	w.must(err)
	if me.User.Name != name {
		w.Fatalf("%s signed in as %s", name, me.User.Name)
	}
	p, err := w.Authenticate(w.ctx, "192.0.2.7", token)
	w.must(err)
	return token, p
}

func TestABrowsersSignInEndsAfterTwelveIdleHours(t *testing.T) {
	inBubble(t, func(w *world) {
		_, err := w.AddUser(w.ctx, local, groupcast.NewUser{Name: "ann", Password: password})
		w.must(err)
		token, p := w.browser("ann")
		if p.Scope != groupcast.ScopeWeb || p.Device != nil || p.SignIn == "" {
			t.Fatalf("a browser is %+v", p)
		}
		for range 3 { // used now and then, it lives on
			time.Sleep(11 * time.Hour)
			_, err = w.Authenticate(w.ctx, "", token)
			w.must(err)
		}
		time.Sleep(groupcast.WebIdle + time.Minute)
		if _, err := w.Authenticate(w.ctx, "", token); groupcast.ErrorCode(err) != groupcast.EUnauthorized {
			t.Fatalf("after twelve idle hours: %v", err)
		}
	})
}

func TestSignInsAreListedAndEnded(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann := w.enrol("ann", "g")
		_, here := w.browser("ann")
		other, _ := w.browser("ann")
		bobs := w.enrol("bob", "g")
		list, err := w.SignIns(w.ctx, here)
		w.must(err)
		current := 0
		var away, receiver string
		for _, s := range list {
			switch {
			case s.Current:
				current++
			case s.Scope == groupcast.ScopeWeb:
				away = s.ID
				if s.Address != "192.0.2.7" {
					t.Errorf("the other browser is at %q", s.Address)
				}
			case s.Scope == groupcast.ScopeAgent:
				receiver = s.ID
				if s.Device != "pc-ann" {
					t.Errorf("the receiver is called %q", s.Device)
				}
			}
		}
		if len(list) != 4 || current != 1 { // two browsers, the receiver and its command line
			t.Fatalf("ann's logins: %+v", list)
		}
		w.must(w.EndSignIn(w.ctx, here, away))
		if _, err := w.Authenticate(w.ctx, "", other); err == nil {
			t.Error("the ended browser goes on")
		}
		if err := w.EndSignIn(w.ctx, bobs.cli, here.SignIn); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("bob ended ann's login: %v", err)
		}
		w.must(w.EndSignIn(w.ctx, here, receiver))
		if _, err := w.store.Device(w.ctx, ann.p.Device.ID); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("the receiver's device goes on: %v", err)
		}
	})
}

func TestSigningOutEndsThisBrowserOnly(t *testing.T) {
	inBubble(t, func(w *world) {
		_, err := w.AddUser(w.ctx, local, groupcast.NewUser{Name: "ann", Password: password})
		w.must(err)
		gone, p := w.browser("ann")
		stays, q := w.browser("ann")
		w.must(w.Logout(w.ctx, p))
		if _, err := w.Authenticate(w.ctx, "", gone); err == nil {
			t.Error("signed out, and still in")
		}
		w.must(w.ChangePassword(w.ctx, q, groupcast.PasswordChange{Old: password, New: "another one"}))
		if _, err := w.Authenticate(w.ctx, "", stays); err != nil {
			t.Errorf("whoever changed the password is out himself: %v", err)
		}
	})
}

func TestAMemberSeesHimself(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann := w.enrol("ann", "g").attach()
		w.enrol("bob", "g").attach()
		tr := w.send("g", nil)
		_, p := w.browser("ann")
		devices, err := rows(w.Devices(w.ctx, p, groupcast.DeviceFilter{}, groupcast.Window{}))
		w.must(err)
		if len(devices) != 1 || devices[0].User != "ann" {
			t.Errorf("ann sees %+v", devices)
		}
		got, err := w.MyDeliveries(w.ctx, p)
		w.must(err)
		if len(got) != 1 || got[0].DeviceID != ann.p.Device.ID || got[0].Name != tr.Name || got[0].Size != tr.Bytes {
			t.Errorf("ann was sent %+v", got)
		}
		_, err = w.Devices(w.ctx, p, groupcast.DeviceFilter{User: "bob"}, groupcast.Window{})
		if groupcast.ErrorCode(err) != groupcast.EForbidden {
			t.Errorf("bob's devices: %v", err)
		}
		s, err := w.Events(w.ctx, p)
		w.must(err)
		s.Close()
		for who, p := range map[string]groupcast.Principal{"an agent": ann.p, "nobody": {}} {
			if _, err := w.Events(w.ctx, p); err == nil {
				t.Errorf("%s listens", who)
			}
			if _, err := w.MyDeliveries(w.ctx, p); err == nil {
				t.Errorf("%s reads deliveries", who)
			}
			if _, err := w.SignIns(w.ctx, p); err == nil {
				t.Errorf("%s reads logins", who)
			}
		}
	})
}
