package menu

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
)

// maxEntries bounds how much of a folder is looked at to complete a path.
const maxEntries = 2000

func yesOrNo(key, ask, preset string) Field {
	both := choices(Option{Value: "yes"}, Option{Value: "no"})
	return Field{Key: key, Ask: ask, Default: preset, Closed: true, Prepare: both}
}

// choices offers the same to everybody.
func choices(options ...Option) func(context.Context, Answers) (Choices, error) {
	return func(context.Context, Answers) (Choices, error) { return Choices{Options: options}, nil }
}

// groupField asks for one of the groups.
func (m *Menu) groupField() Field {
	return Field{Key: "group", Ask: "Group", Closed: true, Prepare: func(ctx context.Context, _ Answers) (Choices, error) {
		groups, err := m.Admin.Groups(ctx)
		c := Choices{Empty: "There is no group yet: create one first."}
		for _, g := range groups {
			note := fmt.Sprintf("%s, %d active", ui.Plural(g.Members, "member"), g.Active)
			if g.Pending > 0 {
				note += ", " + deliveries(g.Pending) + " pending"
			}
			c.Options = append(c.Options, Option{g.Name, note})
		}
		return c, err
	}}
}

func deliveries(n int) string { return some(n, "delivery", "deliveries") }

// userField asks for one of the users; open for one that does not exist yet.
func (m *Menu) userField(closed bool) Field {
	f := Field{Key: "user", Ask: "Client (login ID)", Closed: closed}
	f.Prepare = func(ctx context.Context, _ Answers) (Choices, error) {
		users, err := m.Admin.Users(ctx)
		c := Choices{}
		for _, u := range users {
			c.Options = append(c.Options, Option{u.Name, string(u.Role)})
		}
		if closed {
			c.Empty = "There are no clients yet: add one to a group first."
		}
		return c, err
	}
	return f
}

// passwordField asks for the password of a client who has no account yet.
func (m *Menu) passwordField() Field {
	f := Field{Key: "password", Ask: "New client: choose a password for the account", Secret: true}
	f.Prepare = func(ctx context.Context, a Answers) (Choices, error) {
		users, err := m.Admin.Users(ctx)
		known := slices.ContainsFunc(users, func(u groupcast.User) bool { return u.Name == a["user"] })
		return Choices{Skip: known}, err
	}
	return f
}

// memberField asks for a member of the group that was answered.
func (m *Menu) memberField() Field {
	return Field{Key: "user", Ask: "Client", Closed: true, Prepare: func(ctx context.Context, a Answers) (Choices, error) {
		members, err := m.Admin.Members(ctx, a["group"])
		c := Choices{Empty: "The group has no members."}
		for _, m := range members {
			c.Options = append(c.Options, Option{m.User, fmt.Sprintf("%s, %d active", ui.Plural(m.Devices, "device"), m.Active)})
		}
		return c, err
	}}
}

// requestField asks for one of the join requests that wait.
func (m *Menu) requestField() Field {
	f := Field{Key: "request", Ask: "Request", Closed: true}
	f.Prepare = func(ctx context.Context, _ Answers) (Choices, error) {
		requests, err := m.Admin.Requests(ctx, groupcast.RequestOpen)
		c := Choices{Empty: "Nobody is waiting."}
		for _, r := range requests {
			c.Options = append(c.Options, Option{r.Who() + " to " + r.Group, ui.Asks(r)})
		}
		return c, err
	}
	return f
}

// offerField asks for a group that the user is not in.
func (m *Menu) offerField() Field {
	return Field{Key: "group", Ask: "Group", Closed: true, Prepare: func(ctx context.Context, _ Answers) (Choices, error) {
		groups, err := m.Member.GroupsOnOffer(ctx, false)
		c := Choices{Empty: "There is no group that you could ask to join."}
		for _, g := range groups {
			if g.Membership != groupcast.MembershipMember && g.Membership != groupcast.MembershipAsked {
				c.Options = append(c.Options, Option{g.Name, g.Description})
			}
		}
		return c, err
	}}
}

// Paths completes a path of this machine as a shell does.
func Paths(text string) []Option {
	folder, part := filepath.Split(expand(text))
	at := folder
	if at == "" {
		at = "."
	}
	f, err := os.Open(at)
	if err != nil {
		return nil
	}
	defer f.Close()
	entries, _ := f.ReadDir(maxEntries) // what could be read is offered
	var out []Option
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), part) || (part == "" && strings.HasPrefix(e.Name(), ".")) {
			continue
		}
		o := Option{Value: folder + e.Name()}
		if e.IsDir() {
			o.Value, o.Note = o.Value+string(filepath.Separator), "folder"
		} else if info, err := e.Info(); err == nil {
			o.Note = ui.Size(uint64(info.Size()))
		}
		out = append(out, o)
	}
	slices.SortFunc(out, func(x, y Option) int { return strings.Compare(x.Value, y.Value) })
	return out
}

// expand reads ~ as a shell does.
func expand(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	home, err := os.UserHomeDir()
	if !ok || err != nil {
		return path
	}
	return home + string(filepath.Separator) + rest
}

// isThere checks a path of this machine while it is asked for.
func isThere(path string) error {
	if _, err := os.Stat(expand(path)); err != nil {
		return groupcast.Errorf(groupcast.ENotFound, "no such file or folder: %s", path).
			WithHint("check the spelling").Wrap(err)
	}
	return nil
}
