package server

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

var noChange groupcast.TransferChange

// operations calls every operation that administrators alone may use.
func operations(s groupcast.Service) map[string]func(context.Context, groupcast.Principal) error {
	type ctx = context.Context
	type who = groupcast.Principal
	return map[string]func(ctx, who) error{
		"AddUser":        func(c ctx, p who) error { _, err := s.AddUser(c, p, groupcast.NewUser{}); return err },
		"Users":          func(c ctx, p who) error { _, err := s.Users(c, p, groupcast.Window{}); return err },
		"UpdateUser":     func(c ctx, p who) error { _, err := s.UpdateUser(c, p, "ann", groupcast.UserChange{}); return err },
		"DeleteUser":     func(c ctx, p who) error { return s.DeleteUser(c, p, "bob") },
		"UserGroups":     func(c ctx, p who) error { _, err := s.UserGroups(c, p, "ann"); return err },
		"CreateGroup":    func(c ctx, p who) error { _, err := s.CreateGroup(c, p, groupcast.NewGroup{}); return err },
		"Groups":         func(c ctx, p who) error { _, err := s.Groups(c, p); return err },
		"Group":          func(c ctx, p who) error { _, err := s.Group(c, p, "g"); return err },
		"DeleteGroup":    func(c ctx, p who) error { return s.DeleteGroup(c, p, "g") },
		"Members":        func(c ctx, p who) error { _, err := s.Members(c, p, "g", groupcast.Window{}); return err },
		"AddMember":      func(c ctx, p who) error { _, err := s.AddMember(c, p, "g", "ann"); return err },
		"RemoveMember":   func(c ctx, p who) error { return s.RemoveMember(c, p, "g", "bob") },
		"Requests":       func(c ctx, p who) error { _, err := s.Requests(c, p, "", groupcast.Window{}); return err },
		"Approve":        func(c ctx, p who) error { _, err := s.Approve(c, p, "g", "ann"); return err },
		"Deny":           func(c ctx, p who) error { _, err := s.Deny(c, p, "g", "ann"); return err },
		"AddTransfer":    func(c ctx, p who) error { _, err := s.AddTransfer(c, p, groupcast.NewTransfer{}); return err },
		"Transfers":      func(c ctx, p who) error { _, err := s.Transfers(c, p, groupcast.TransferFilter{}); return err },
		"Transfer":       func(c ctx, p who) error { _, err := s.Transfer(c, p, 1); return err },
		"KeyHolders":     func(c ctx, p who) error { _, err := s.KeyHolders(c, p, 1); return err },
		"KeySessions":    func(c ctx, p who) error { _, err := s.KeySessions(c, p, "g"); return err },
		"Savings":        func(c ctx, p who) error { _, err := s.Savings(c, p); return err },
		"Deliveries":     func(c ctx, p who) error { _, err := s.Deliveries(c, p, 1, groupcast.Window{}); return err },
		"Files":          func(c ctx, p who) error { _, err := s.Files(c, p, 1, groupcast.Window{}); return err },
		"CancelTransfer": func(c ctx, p who) error { _, err := s.CancelTransfer(c, p, 1); return err },
		"RetryTransfer":  func(c ctx, p who) error { _, err := s.RetryTransfer(c, p, 1); return err },
		"PauseTransfer":  func(c ctx, p who) error { _, err := s.PauseTransfer(c, p, 1); return err },
		"ResumeTransfer": func(c ctx, p who) error { _, err := s.ResumeTransfer(c, p, 1); return err },
		"ChangeTransfer": func(c ctx, p who) error { _, err := s.ChangeTransfer(c, p, 1, noChange); return err },
		"TransferProof":  func(c ctx, p who) error { _, err := s.TransferProof(c, p, 1); return err },
		"LossMap":        func(c ctx, p who) error { _, err := s.LossMap(c, p, 1); return err },
		"ActOnDelivery": func(c ctx, p who) error {
			_, err := s.ActOnDelivery(c, p, 1, protocol.DeviceID{1}, groupcast.Drop)
			return err
		},
		"DropMember":        func(c ctx, p who) error { _, err := s.DropMember(c, p, 1, "bob"); return err },
		"SendTransfer":      func(c ctx, p who) error { _, err := s.SendTransfer(c, p, 1); return err },
		"Pending":           func(c ctx, p who) error { _, err := s.Pending(c, p, "", groupcast.Window{}); return err },
		"SendPending":       func(c ctx, p who) error { _, err := s.SendPending(c, p, ""); return err },
		"CreateUpload":      func(c ctx, p who) error { _, err := s.CreateUpload(c, p, nil); return err },
		"CheckUpload":       func(c ctx, p who) error { _, err := s.CheckUpload(c, p, nil, nil); return err },
		"Upload":            func(c ctx, p who) error { _, err := s.Upload(c, p, "u"); return err },
		"WriteUpload":       func(c ctx, p who) error { _, err := s.WriteUpload(c, p, "u", "f", 0, nil); return err },
		"CompleteUpload":    func(c ctx, p who) error { _, err := s.CompleteUpload(c, p, "u"); return err },
		"DeleteUpload":      func(c ctx, p who) error { return s.DeleteUpload(c, p, "u") },
		"UnfinishedUploads": func(c ctx, p who) error { _, err := s.UnfinishedUploads(c, p); return err },
		"Check":             func(c ctx, p who) error { return s.Check(c, p, groupcast.CheckQuery{}, nil) },
		"Audit":             func(c ctx, p who) error { _, err := s.Audit(c, p, groupcast.AuditQuery{}); return err },
		"Backup":            func(c ctx, p who) error { _, err := s.Backup(c, p, groupcast.BackupOptions{}); return err },
		"Confirm":           func(c ctx, p who) error { return s.ConfirmMemberships(c, p) },
		"ServerStatus":      func(c ctx, p who) error { _, err := s.ServerStatus(c, p); return err },
		"Series":            func(c ctx, p who) error { _, err := s.Series(c, p, 1, time.Time{}); return err },
	}
}

// fleetOperations are those about several devices at once.
func fleetOperations(s groupcast.Service) map[string]func(context.Context, groupcast.Principal) error {
	type ctx = context.Context
	type who = groupcast.Principal
	return map[string]func(ctx, who) error{
		"Devices of bob": func(c ctx, p who) error {
			_, err := s.Devices(c, p, groupcast.DeviceFilter{User: "bob"}, groupcast.Window{})
			return err
		},
		"RevokeDevice": func(c ctx, p who) error { return s.RevokeDevice(c, p, protocol.DeviceID{1}) },
		"LabelDevices": func(c ctx, p who) error {
			_, err := s.LabelDevices(c, p, groupcast.LabelChange{Devices: []protocol.DeviceID{{1}}, Remove: []string{"room"}})
			return err
		},
		"SetSite": func(c ctx, p who) error {
			_, err := s.SetSite(c, p, groupcast.SiteChange{Devices: []protocol.DeviceID{{1}}, Site: "here"})
			return err
		},
		"CreateSite": func(c ctx, p who) error { _, err := s.CreateSite(c, p, groupcast.NewSite{Name: "depot"}); return err },
		"Sites":      func(c ctx, p who) error { _, err := s.Sites(c, p); return err },
		"Site":       func(c ctx, p who) error { _, err := s.Site(c, p, "here"); return err },
		"DeleteSite": func(c ctx, p who) error { return s.DeleteSite(c, p, "depot") },
		"DropOwed": func(c ctx, p who) error {
			_, err := s.DropOwed(c, p, groupcast.DropOwed{Devices: []protocol.DeviceID{{1}}})
			return err
		},
	}
}

// TestOnlyAdministratorsAdminister tries every administrator's operation as everybody else;
// an administrator's agent token is everybody else, too (C7).
func TestOnlyAdministratorsAdminister(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann := w.enrol("ann", "g")
		bob := w.enrol("bob", "g")
		admin := groupcast.RoleAdmin
		_, err := w.UpdateUser(w.ctx, local, "bob", groupcast.UserChange{Role: &admin})
		w.must(err)
		stolen := bob.p
		stolen.User.Role = groupcast.RoleAdmin
		disabled := bob.cli
		disabled.User.Role, disabled.User.Disabled = groupcast.RoleAdmin, true
		all := operations(w.Server)
		maps.Copy(all, fleetOperations(w.Server))
		for name, call := range all {
			for who, p := range map[string]groupcast.Principal{
				"nobody": {}, "a member": ann.cli, "an agent": ann.p,
				"an administrator's agent": stolen, "a disabled administrator": disabled,
			} {
				if err := call(w.ctx, p); groupcast.ErrorCode(err) != groupcast.EForbidden {
					t.Errorf("%s as %s: %v", name, who, err)
				}
			}
		}
	})
}

// TestAgentsOperationsNeedAnAgent tries the receiver's part with everything but its token.
func TestAgentsOperationsNeedAnAgent(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann := w.enrol("ann", "g")
		for name, call := range map[string]func(groupcast.Principal) error{
			"AgentEvents": func(p groupcast.Principal) error { _, err := w.AgentEvents(w.ctx, p, groupcast.Attach{}); return err },
			"AgentState":  func(p groupcast.Principal) error { _, err := w.AgentState(w.ctx, p); return err },
			"Ready":       func(p groupcast.Principal) error { _, err := w.Ready(w.ctx, p, groupcast.Ready{}); return err },
			"Manifest":    func(p groupcast.Principal) error { _, err := w.Manifest(w.ctx, p, 1); return err },
			"Blocks":      func(p groupcast.Principal) error { _, err := w.Blocks(w.ctx, p, 1, 0, 1); return err },
			"Report":      func(p groupcast.Principal) error { return w.Report(w.ctx, p, groupcast.AgentReport{}) },
			"Receipt":     func(p groupcast.Principal) error { return w.Receipt(w.ctx, p, groupcast.Receipt{}) },
			"ProbesHeard": func(p groupcast.Principal) error { return w.ProbesHeard(w.ctx, p, groupcast.ProbeAnswer{}) },
		} {
			for who, p := range map[string]groupcast.Principal{"nobody": {}, "his login": ann.cli, "the local administrator": local} {
				if err := call(p); groupcast.ErrorCode(err) != groupcast.EForbidden {
					t.Errorf("%s as %s: %v", name, who, err)
				}
			}
		}
	})
}
