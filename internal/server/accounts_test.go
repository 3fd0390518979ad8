package server

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func loginOf(user string, pw groupcast.Password) groupcast.Login {
	return groupcast.Login{User: user, Password: pw, ControlVersion: groupcast.ControlVersion, WireVersion: protocol.Version}
}

func TestLoginIsRefusedAlikeForWrongAndUnknown(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		w.enrol("ann", "g")
		w.enrol("off", "g")
		yes := true
		_, err := w.UpdateUser(w.ctx, local, "off", groupcast.UserChange{Disabled: &yes})
		w.must(err)
		for name, l := range map[string]groupcast.Login{
			"wrong password": loginOf("ann", "not her password"),
			"unknown name":   loginOf("my secret password", password),
			"disabled":       loginOf("off", password),
		} {
			if _, err := w.Login(w.ctx, "192.0.2.9", l); !errors.Is(err, errWrongPassword) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := w.Authenticate(w.ctx, "", "x"); groupcast.ErrorCode(err) != groupcast.EUnauthorized {
			t.Errorf("a made-up token: %v", err)
		}
		entries, err := auditOf(w.Audit(w.ctx, local, groupcast.AuditQuery{}))
		w.must(err)
		failed := 0
		for _, e := range entries {
			if strings.Contains(fmt.Sprint(e), "my secret") {
				t.Errorf("what was typed as a name stands in the audit log: %+v", e)
			}
			if e.Action == "login.failed" && e.Address == "192.0.2.9" {
				failed++
			}
		}
		if failed != 1 {
			t.Errorf("%d failed logins in the audit log at once, want the first", failed)
		}
	})
}

func TestAnotherVersionIsToldWhichToInstall(t *testing.T) {
	inBubble(t, func(w *world) {
		l := loginOf("ann", password)
		l.WireVersion++
		_, err := w.Login(w.ctx, "", l)
		if groupcast.ErrorCode(err) != groupcast.EInvalid || !strings.Contains(err.Error(), "install groupcast "+groupcast.Version) {
			t.Fatal(err)
		}
	})
}

func TestPasswordChangeEndsOtherLoginsAndKeepsTheAgent(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		_, err := w.AddUser(w.ctx, local, groupcast.NewUser{Name: "ann", Password: password})
		w.must(err)
		l := loginOf("ann", password)
		l.PublicKey, l.Device = make([]byte, 32), "pc"
		in, err := w.Login(w.ctx, "", l)
		w.must(err)
		p, err := w.Authenticate(w.ctx, "", in.CLIToken)
		w.must(err)
		if err := w.ChangePassword(w.ctx, p, groupcast.PasswordChange{Old: "wrong", New: "another one"}); !errors.Is(err, errWrongPassword) {
			t.Fatalf("with the wrong old password: %v", err)
		}
		w.must(w.ChangePassword(w.ctx, p, groupcast.PasswordChange{Old: password, New: "another one"}))
		if _, err := w.Authenticate(w.ctx, "", in.CLIToken); err == nil {
			t.Error("the login from before still works")
		}
		if _, err := w.Authenticate(w.ctx, "", in.AgentToken); err != nil {
			t.Errorf("the agent was thrown out: %v", err)
		}
		if _, err := w.Login(w.ctx, "", loginOf("ann", "another one")); err != nil {
			t.Errorf("with the new password: %v", err)
		}
	})
}

func TestTheFirstAdministratorsTokenWorksOnce(t *testing.T) {
	inBubble(t, func(w *world) {
		token, err := w.OfferFirstAdmin(w.ctx, false)
		w.must(err)
		f := groupcast.FirstAdmin{Token: token, Name: "root", Password: password}
		wrong := f
		wrong.Token = "guess"
		if _, err := w.FirstAdmin(w.ctx, "", wrong); !errors.Is(err, errFirstToken) {
			t.Fatalf("a guessed token: %v", err)
		}
		u, err := w.FirstAdmin(w.ctx, "", f)
		w.must(err)
		if u.Role != groupcast.RoleAdmin {
			t.Fatalf("made %+v", u)
		}
		f.Name = "second"
		if _, err := w.FirstAdmin(w.ctx, "", f); !errors.Is(err, errNothingToSetUp) {
			t.Fatalf("the token a second time: %v", err)
		}
		if again, err := w.OfferFirstAdmin(w.ctx, false); err != nil || again != "" {
			t.Fatalf("a second token though there is an administrator: %q, %v", again, err)
		}
	})
}

func TestTheFirstAdministratorsTokenExpires(t *testing.T) {
	inBubble(t, func(w *world) {
		token, err := w.OfferFirstAdmin(w.ctx, false)
		w.must(err)
		time.Sleep(firstTokenLife + time.Second)
		if _, err := w.FirstAdmin(w.ctx, "", groupcast.FirstAdmin{Token: token, Name: "root", Password: password}); !errors.Is(err, errNothingToSetUp) {
			t.Fatal(err)
		}
	})
}

func TestJoinApproveLeave(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		_, err := w.AddUser(w.ctx, local, groupcast.NewUser{Name: "ann", Password: password})
		w.must(err)
		ann := w.login("ann").attach()
		_, err = w.Join(w.ctx, ann.cli, "g", "please")
		w.must(err)
		if _, err := w.Join(w.ctx, ann.cli, "g", "again"); groupcast.ErrorCode(err) != groupcast.EConflict {
			t.Fatalf("asking twice: %v", err)
		}
		open, err := rows(w.Requests(w.ctx, local, groupcast.RequestOpen, groupcast.Window{}))
		w.must(err)
		if len(open) != 1 || open[0].Text != "please" {
			t.Fatalf("requests %+v", open)
		}
		_, err = w.Approve(w.ctx, local, "g", "ann")
		w.must(err)
		st, err := w.AgentState(w.ctx, ann.p)
		w.must(err)
		if len(st.Groups) != 1 || st.Groups[0].Name != "g" || len(st.Signing) == 0 {
			t.Fatalf("the agent's state: %+v", st)
		}
		mine, err := w.GroupsOnOffer(w.ctx, ann.cli, true)
		w.must(err)
		if len(mine) != 1 || mine[0].Membership != groupcast.MembershipMember {
			t.Fatalf("his groups: %+v", mine)
		}
		w.must(w.Leave(w.ctx, ann.cli, "g"))
		if err := w.Leave(w.ctx, ann.cli, "g"); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Fatalf("leaving twice: %v", err)
		}
	})
}

func TestEverythingAnAdministratorDoesIsInTheAuditLog(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, _, _ := running(w, "ann", "bob")
		_, err := w.SendTransfer(w.ctx, local, tr.No)
		w.must(err)
		_, err = w.DropMember(w.ctx, local, tr.No, "ann")
		w.must(err)
		_, err = w.CancelTransfer(w.ctx, local, tr.No)
		w.must(err)
		_, err = w.RetryTransfer(w.ctx, local, tr.No)
		w.must(err)
		w.must(w.RemoveMember(w.ctx, local, "g", "ann"))
		w.must(w.DeleteUser(w.ctx, local, "ann"))
		w.must(w.DeleteGroup(w.ctx, local, "g"))
		entries, err := auditOf(w.Audit(w.ctx, local, groupcast.AuditQuery{}))
		w.must(err)
		seen := map[string]bool{}
		for _, e := range entries {
			seen[e.Action] = true
		}
		for _, a := range []string{
			"group.create", "user.add", "member.add", "login", "device.add", "transfer.add", "transfer.send",
			"transfer.cancel", "transfer.retry", "delivery.drop", "member.remove", "user.delete", "group.delete",
		} {
			if !seen[a] {
				t.Errorf("%s is missing in the audit log", a)
			}
		}
	})
}

// TestNothingToSetUp: without a one-time link the call answers as if it did not exist, and writes nothing.
func TestNothingToSetUp(t *testing.T) {
	inBubble(t, func(w *world) {
		for range 100 {
			_, err := w.FirstAdmin(w.ctx, "192.0.2.1", groupcast.FirstAdmin{Token: "x", Name: "eve", Password: password})
			if groupcast.ErrorCode(err) != groupcast.ENotFound {
				t.Fatalf("got %v, want ENotFound", err)
			}
		}
		entries, err := auditOf(w.Audit(w.ctx, local, groupcast.AuditQuery{Action: "admin"}))
		w.must(err)
		if len(entries) != 0 {
			t.Errorf("%d entries", len(entries))
		}
	})
}
