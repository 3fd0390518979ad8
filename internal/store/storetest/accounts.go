package storetest

import (
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

func accounts(w *world) {
	ann := w.user("ann")
	_, err := w.s.AddUser(w.ctx, store.NewUser{Name: "ann", Role: groupcast.RoleMember}, w.now)
	w.fails(err, groupcast.EConflict)
	w.ok(w.s.SetPassword(w.ctx, ann.ID, "$argon2id$new"))
	u, hash, err := w.s.Credentials(w.ctx, "ann")
	w.ok(err)
	equal(w, "user", u, ann)
	equal(w, "hash", string(hash), "$argon2id$new")
	equal(w, "hash in print", hash.String(), "[redacted]")
	w.ok(w.s.SetDisabled(w.ctx, ann.ID, true))
	byID, err := w.s.UserByID(w.ctx, ann.ID)
	w.ok(err)
	equal(w, "disabled", byID.Disabled, true)
	w.user("a-first")
	list, err := rows(w.s.Users(w.ctx, groupcast.Window{}))
	w.ok(err)
	equal(w, "users", len(list), 2)
	equal(w, "first by name", list[0].Name, "a-first")
	_, err = w.s.User(w.ctx, "nobody")
	w.fails(err, groupcast.ENotFound)
	w.fails(w.s.SetPassword(w.ctx, "nobody", "x"), groupcast.ENotFound)
}

func lastAdministrator(w *world) {
	root := w.admin("root")
	w.fails(w.s.SetRole(w.ctx, root.ID, groupcast.RoleMember), groupcast.EConflict)
	w.fails(w.s.SetDisabled(w.ctx, root.ID, true), groupcast.EConflict)
	_, err := w.s.DeleteUser(w.ctx, root.ID, w.now)
	w.fails(err, groupcast.EConflict)
	w.admin("second")
	w.ok(w.s.SetDisabled(w.ctx, root.ID, true))
	n, err := w.s.Administrators(w.ctx)
	w.ok(err)
	equal(w, "administrators", n, 1)
}

func (w *world) token(
	b byte, u groupcast.User, dev protocol.DeviceID, scope groupcast.Scope, expires time.Time,
) store.TokenHash {
	w.Helper()
	h := store.TokenHash{b}
	w.ok(w.s.AddToken(w.ctx, store.Token{
		Hash: h, UserID: u.ID, Device: dev, Scope: scope, CreatedAt: w.now, LastUsed: w.now, Expires: expires,
	}))
	return h
}

func (w *world) alive(h store.TokenHash) bool {
	w.Helper()
	_, _, _, err := w.s.FindToken(w.ctx, h, w.now)
	if err != nil {
		w.fails(err, groupcast.ENotFound)
	}
	return err == nil
}

func tokens(w *world) {
	ann := w.user("ann")
	laptop := w.device(ann, "laptop")
	agent := w.token(1, ann, laptop.ID, groupcast.ScopeAgent, time.Time{})
	cli := w.token(2, ann, protocol.DeviceID{}, groupcast.ScopeCLI, w.now.Add(time.Minute))
	web := w.token(3, ann, protocol.DeviceID{}, groupcast.ScopeWeb, w.now.Add(time.Hour))
	t, u, d, err := w.s.FindToken(w.ctx, agent, w.now)
	w.ok(err)
	equal(w, "user", u.Name, "ann")
	equal(w, "scope", t.Scope, groupcast.ScopeAgent)
	equal(w, "device", d.Name, "laptop")
	_, _, d, err = w.s.FindToken(w.ctx, cli, w.now)
	w.ok(err)
	equal(w, "no device", d == nil, true)
	w.now = w.now.Add(time.Minute)
	equal(w, "expired lives", w.alive(cli), false)
	w.ok(w.s.DeleteTokens(w.ctx, ann.ID, groupcast.ScopeWeb, web))
	equal(w, "excepted lives", w.alive(web), true)
	w.ok(w.s.DeleteTokens(w.ctx, ann.ID, groupcast.ScopeWeb, store.TokenHash{}))
	equal(w, "web lives", w.alive(web), false)
	equal(w, "agent lives", w.alive(agent), true)
	w.ok(w.s.TouchTokens(w.ctx, map[store.TokenHash]time.Time{agent: w.now}))
	n, err := w.s.PruneTokens(w.ctx, w.now, w.now.Add(-time.Second), w.now.Add(-time.Second))
	w.ok(err)
	equal(w, "pruned", n, 1) // cli
	w.ok(w.s.DeleteToken(w.ctx, agent))
	equal(w, "deleted lives", w.alive(agent), false)
	w.fails(w.s.DeleteToken(w.ctx, agent), groupcast.ENotFound)
}

func revokedToken(w *world) {
	ann := w.user("ann")
	laptop := w.device(ann, "laptop")
	agent := w.token(1, ann, laptop.ID, groupcast.ScopeAgent, time.Time{})
	cli := w.token(2, ann, laptop.ID, groupcast.ScopeCLI, time.Time{})
	other := w.token(3, ann, protocol.DeviceID{}, groupcast.ScopeCLI, time.Time{})
	gone, err := w.s.RevokeDevice(w.ctx, laptop.ID, w.tick())
	w.ok(err)
	equal(w, "revoked", gone.Name, "laptop")
	equal(w, "agent token lives", w.alive(agent), false)
	equal(w, "cli token of the device lives", w.alive(cli), false)
	equal(w, "other token lives", w.alive(other), true)
	_, err = w.s.RevokeDevice(w.ctx, laptop.ID, w.now)
	w.fails(err, groupcast.ENotFound)
}

func deviceNames(w *world) {
	ann, bob := w.user("ann"), w.user("bob")
	first, second := w.device(ann, "pc"), w.device(ann, "pc")
	equal(w, "first", first.Name, "pc")
	equal(w, "second", second.Name, "pc-2")
	equal(w, "of another user", w.device(bob, "pc").Name, "pc")
	found, err := w.s.DeviceByKey(w.ctx, ann.ID, second.ID[:])
	w.ok(err)
	equal(w, "by key", found.ID, second.ID)
	_, err = w.s.DeviceByKey(w.ctx, bob.ID, second.ID[:])
	w.fails(err, groupcast.ENotFound)
	second.FreeBytes, second.LossPercent, second.Path = 1<<40, 2.5, groupcast.PathMulticast
	second.DiskBytes, second.ReserveBytes, second.Wire = 1<<41, 1<<30, 2
	second.LastSeen, second.Clock, second.Version = w.tick(), -time.Minute, "0.2"
	unknown := groupcast.Device{ID: protocol.NewDeviceID()}
	w.ok(w.s.UpdateDevices(w.ctx, []groupcast.Device{second, unknown}))
	got, err := w.s.Device(w.ctx, second.ID)
	w.ok(err)
	got.PublicKey, second.PublicKey = nil, nil
	equal(w, "its disk", [2]uint64{got.DiskBytes, got.ReserveBytes}, [2]uint64{1 << 41, 1 << 30})
	equal(w, "what it speaks", got.Wire, 2)
	if got.FreeBytes != 1<<40 || got.LossPercent != 2.5 || got.Path != groupcast.PathMulticast ||
		!got.LastSeen.Equal(w.now) || got.Clock != -time.Minute || got.Version != "0.2" {
		w.Fatalf("got %+v, want %+v", got, second)
	}
	list, err := rows(w.s.Devices(w.ctx, "", groupcast.Window{}))
	w.ok(err)
	equal(w, "devices", len(list), 3)
	list, err = rows(w.s.Devices(w.ctx, bob.ID, groupcast.Window{}))
	w.ok(err)
	equal(w, "bob's", len(list), 1)
}

func groups(w *world) {
	g := w.group("lab")
	_, err := w.s.AddGroup(w.ctx, groupcast.Group{ID: protocol.NewGroupID(), Name: "lab", Address: g.Address}, w.now)
	w.fails(err, groupcast.EConflict)
	byName, err := w.s.Group(w.ctx, "lab")
	w.ok(err)
	equal(w, "by name", byName, g)
	byID, err := w.s.GroupByID(w.ctx, g.ID)
	w.ok(err)
	equal(w, "by ID", byID, g)
	w.group("another")
	list, err := w.s.Groups(w.ctx)
	w.ok(err)
	equal(w, "groups", len(list), 2)
	equal(w, "first", list[0].Name, "another")
	_, err = w.s.Group(w.ctx, "nowhere")
	w.fails(err, groupcast.ENotFound)
}

func membershipVersion(w *world) {
	g, ann, bob := w.group("lab"), w.user("ann"), w.user("bob")
	version := func() uint64 {
		now, err := w.s.GroupByID(w.ctx, g.ID)
		w.ok(err)
		return now.Version
	}
	start := version()
	w.join(g, ann)
	w.join(g, bob)
	equal(w, "after two", version(), start+2)
	_, _, err := w.s.AddMember(w.ctx, g.ID, ann.ID, "root", w.now)
	w.fails(err, groupcast.EConflict)
	equal(w, "a refused change changes nothing", version(), start+2)
	w.ok(w.s.RemoveMember(w.ctx, g.ID, ann.ID, w.now))
	equal(w, "after a removal", version(), start+3)
	w.fails(w.s.RemoveMember(w.ctx, g.ID, ann.ID, w.now), groupcast.ENotFound)
	_, _, err = w.s.AddMember(w.ctx, g.ID, "nobody", "root", w.now)
	w.fails(err, groupcast.ENotFound)
	in, err := rows(w.s.Members(w.ctx, g.ID, groupcast.Window{}))
	w.ok(err)
	equal(w, "members", len(in), 1)
	equal(w, "who", in[0].User, "bob")
	w.group("nobody is in it")
	every, err := w.s.Memberships(w.ctx)
	w.ok(err)
	equal(w, "groups with members", len(every), 1)
	equal(w, "their members", strings.Join(every[g.ID], " "), bob.ID)
	mine, err := w.s.GroupsOfUser(w.ctx, bob.ID)
	w.ok(err)
	equal(w, "bob's groups", len(mine), 1)
}

func groupsOnOffer(w *world) {
	ann := w.user("ann")
	w.group("open")
	in, asked, denied := w.group("in"), w.group("asked"), w.group("denied")
	_, err := w.s.AddGroup(w.ctx, groupcast.Group{
		ID: protocol.NewGroupID(), Name: "hidden", Unlisted: true, Address: in.Address,
	}, w.now)
	w.ok(err)
	w.join(in, ann)
	for _, g := range []groupcast.Group{asked, denied} {
		_, err := w.s.AddRequest(w.ctx, g.ID, ann.ID, "please", w.tick())
		w.ok(err)
	}
	_, err = w.s.DenyRequest(w.ctx, denied.ID, ann.ID, "root", w.tick())
	w.ok(err)
	standing := func(mine bool) map[string]groupcast.Membership {
		list, err := w.s.GroupsOnOffer(w.ctx, ann.ID, mine)
		w.ok(err)
		out := map[string]groupcast.Membership{}
		for _, g := range list {
			out[g.Name] = g.Membership
		}
		return out
	}
	all := standing(false)
	equal(w, "groups", len(all), 4)
	equal(w, "in", all["in"], groupcast.MembershipMember)
	equal(w, "asked", all["asked"], groupcast.MembershipAsked)
	equal(w, "denied", all["denied"], groupcast.MembershipDenied)
	equal(w, "open", all["open"], groupcast.MembershipNone)
	equal(w, "mine", len(standing(true)), 2)
}
