package menu

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
)

// account is something that can be done about accounts.
type account struct {
	name, note string
	newcomer   bool   // about somebody who has no account yet
	nobody     bool   // about nobody in particular
	role       bool   // a role is asked for …
	password   bool   // … a password …
	device     bool   // … one of the user's machines
	rule       bool   // a group is asked for, and what holds there
	labels     bool   // labels of the machine are asked for
	plan       string // what is going to be changed, with the answers that it names in braces; empty: nothing is
	do         func(ctx context.Context, m *Menu, a Answers) (Page, error)
}

var accounts = []account{
	{name: "list", note: "every account with its role", nobody: true, do: listAccounts},
	{
		name: "make", note: "a new account", newcomer: true, role: true, password: true, do: makeAccount,
		plan: "Make the account {newcomer} with the role {role}.",
	},
	{
		name: "change role", note: "administrator or member", role: true, do: changeRole,
		plan: "Give {user} the role {role}.",
	},
	{
		name: "new password", note: "every login with the old one ends", password: true, do: newPassword,
		plan: "Give {user} a new password: whoever uses the old one is signed out, also in browsers.",
	},
	{
		name: "disable", note: "its machines get nothing until it is enabled again", do: switchAccount(true),
		plan: "Disable {user}: nothing more is sent to this account and its machines, and nobody can log in with it.",
	},
	{
		name: "enable", note: "an account that was disabled", do: switchAccount(false),
		plan: "Enable {user} again: the account's machines get what is pending for them.",
	},
	{name: "logins", note: "the user's machines: each is a login of its own", do: listLogins},
	{
		name: "end a login", note: "of a machine that is lost or given away", device: true, do: endLogin,
		plan: "End the login of {user} on {device}: this machine gets nothing more until somebody logs in there again.",
	},
	{
		name: "delete", note: "with its machines and memberships", do: deleteAccount,
		plan: "Delete the account {user}, its logins and memberships: what it still lacks will not come.",
	},
	{
		name: "new devices", note: "whether a member's new device waits for approval", nobody: true,
		rule: true, do: newDevices, plan: "New devices of members of {group} wait until you approve them: {approve}.",
	},
	{
		name: "label", note: "of a machine, such as room=2: a send can be for some",
		device: true, labels: true, do: labelMachine,
		plan: "Change the labels of {device} of {user}: {labels}. What is owed already stays owed.",
	},
}

func accountOf(a Answers) account {
	i := slices.IndexFunc(accounts, func(x account) bool { return x.name == a["what"] })
	return accounts[max(i, 0)]
}

// accountEntry is the line of the menu about accounts.
func (m *Menu) accountEntry() Entry {
	role := Field{Key: "role", Ask: "Role", Closed: true, Prepare: choices(
		Option{"member", "receives what their groups are sent"}, Option{"admin", "may do everything here"})}
	return Entry{
		Key: "a", Title: "Accounts: list, make, change, logins", Plan: planAccount,
		Run: func(ctx context.Context, a Answers, _ show) (Page, error) { return accountOf(a).do(ctx, m, a) },
		Fields: []Field{
			{Key: "what", Ask: "What to do", Closed: true, Prepare: accountChoices},
			unless(Field{Key: "newcomer", Ask: "Login ID of the new account"}, func(x account) bool { return !x.newcomer }),
			unless(m.userField(true), func(x account) bool { return x.nobody || x.newcomer }),
			unless(role, func(x account) bool { return !x.role }),
			unless(Field{Key: "password", Ask: "New password", Secret: true}, func(x account) bool { return !x.password }),
			unless(m.loginField(), func(x account) bool { return !x.device }),
			unless(m.groupField(), func(x account) bool { return !x.rule }),
			unless(yesOrNo("approve", "Does a new device of a member wait until you approve it?", ""),
				func(x account) bool { return !x.rule }),
			unless(Field{Key: "labels", Ask: labelsAsked, Check: checkLabels}, func(x account) bool { return !x.labels }),
		},
	}
}

func accountChoices(context.Context, Answers) (Choices, error) {
	var c Choices
	for _, x := range accounts {
		c.Options = append(c.Options, Option{x.name, x.note})
	}
	return c, nil
}

func planAccount(_ context.Context, a Answers) (Plan, error) {
	text := accountOf(a).plan
	if text == "" {
		return nil, nil
	}
	for _, key := range []string{"newcomer", "user", "role", "device", "group", "approve"} {
		text = strings.ReplaceAll(text, "{"+key+"}", ui.Name(a[key]))
	}
	return Plan{strings.ReplaceAll(text, "{labels}", labelsInWords(a["labels"]))}, nil
}

// unless leaves a question out where what is to be done needs no answer to it.
func unless(f Field, skip func(account) bool) Field {
	prepare := f.Prepare
	f.Prepare = func(ctx context.Context, a Answers) (Choices, error) {
		if skip(accountOf(a)) {
			return Choices{Skip: true}, nil
		}
		if prepare == nil {
			return Choices{}, nil
		}
		return prepare(ctx, a)
	}
	return f
}

// loginField asks for one of a user's machines.
func (m *Menu) loginField() Field {
	f := Field{Key: "device", Ask: "Machine", Closed: true}
	f.Prepare = func(ctx context.Context, a Answers) (Choices, error) {
		devices, err := m.Admin.Devices(ctx, a["user"])
		c := Choices{Empty: ui.Name(a["user"]) + " is logged in on no machine."}
		for _, v := range devices {
			note := standing(v)
			if len(v.Labels) > 0 {
				note += " · " + v.Labels.String()
			}
			c.Options = append(c.Options, Option{v.Name, note})
		}
		return c, err
	}
	return f
}

func standing(v groupcast.Device) string {
	if v.Active {
		return "active"
	}
	return "seen " + ui.Ago(v.LastSeen)
}

func listAccounts(ctx context.Context, m *Menu, _ Answers) (Page, error) {
	users, err := m.Admin.Users(ctx)
	none, head := "There are no accounts yet: make one.", "LOGIN ID|ROLE|STATE|SINCE"
	return table(users, none, head, func(u groupcast.User) []string {
		state := "enabled"
		if u.Disabled {
			state = "disabled"
		}
		return []string{u.Name, string(u.Role), state, ui.Ago(u.CreatedAt)}
	}), err
}

func makeAccount(ctx context.Context, m *Menu, a Answers) (Page, error) {
	u, err := m.Admin.AddUser(ctx, groupcast.NewUser{
		Name: a["newcomer"], Role: groupcast.Role(a["role"]), Password: groupcast.Password(a["password"]),
	})
	return say(fmt.Sprintf("The account %s is made (%s).", ui.Name(u.Name), u.Role)), err
}

func changeRole(ctx context.Context, m *Menu, a Answers) (Page, error) {
	role := groupcast.Role(a["role"])
	u, err := m.Admin.UpdateUser(ctx, a["user"], groupcast.UserChange{Role: &role})
	return say(fmt.Sprintf("%s is %s now.", ui.Name(u.Name), u.Role)), err
}

func newPassword(ctx context.Context, m *Menu, a Answers) (Page, error) {
	pw := groupcast.Password(a["password"])
	u, err := m.Admin.UpdateUser(ctx, a["user"], groupcast.UserChange{Password: &pw})
	return say(ui.Name(u.Name) + " has a new password."), err
}

func switchAccount(disabled bool) func(context.Context, *Menu, Answers) (Page, error) {
	return func(ctx context.Context, m *Menu, a Answers) (Page, error) {
		u, err := m.Admin.UpdateUser(ctx, a["user"], groupcast.UserChange{Disabled: &disabled})
		if disabled {
			return say(ui.Name(u.Name) + " is disabled: nothing more is sent to this account."), err
		}
		return say(ui.Name(u.Name) + " is enabled again."), err
	}
}

func listLogins(ctx context.Context, m *Menu, a Answers) (Page, error) {
	devices, err := m.Admin.Devices(ctx, a["user"])
	none, head := ui.Name(a["user"])+" is logged in on no machine.", "MACHINE|STATE|LABELS|SYSTEM|VERSION|FROM|SINCE"
	return table(devices, none, head, func(v groupcast.Device) []string {
		return []string{v.Name, standing(v), v.Labels.String(), v.OS, v.Version, v.Address, ui.Ago(v.CreatedAt)}
	}), err
}

// login is the machine that was answered.
func (m *Menu) login(ctx context.Context, a Answers) (groupcast.Device, error) {
	devices, err := m.Admin.Devices(ctx, a["user"])
	if err != nil {
		return groupcast.Device{}, err
	}
	i := slices.IndexFunc(devices, func(v groupcast.Device) bool { return v.Name == a["device"] })
	if i < 0 {
		text := "%s has no machine %s any more"
		return groupcast.Device{}, groupcast.Errorf(groupcast.ENotFound, text, a["user"], a["device"])
	}
	return devices[i], nil
}

func endLogin(ctx context.Context, m *Menu, a Answers) (Page, error) {
	d, err := m.login(ctx, a)
	if err != nil {
		return Page{}, err
	}
	done := say("The login of " + ui.Name(a["user"]) + " on " + ui.Name(a["device"]) + " has ended.")
	return done, m.Admin.RevokeDevice(ctx, d.ID)
}

func deleteAccount(ctx context.Context, m *Menu, a Answers) (Page, error) {
	return say("The account " + ui.Name(a["user"]) + " is deleted."), m.Admin.DeleteUser(ctx, a["user"])
}

func newDevices(ctx context.Context, m *Menu, a Answers) (Page, error) {
	n, text := groupcast.NewDevicesAllow, "A new device of a member of %s gets what members get, at once."
	if a.yes("approve") {
		n = groupcast.NewDevicesApprove
		text = "A new device of a member of %s gets nothing until you approve it. Those that members have now stay."
	}
	_, err := m.Admin.UpdateGroup(ctx, a["group"], groupcast.GroupChange{NewDevices: &n})
	return say(fmt.Sprintf(text, ui.Name(a["group"]))), err
}
