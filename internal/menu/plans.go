package menu

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/pattern"
	"github.com/groupcast/groupcast/internal/ui"
)

// mostNamed is how many things a plan calls by their names.
const mostNamed = 5

func (m *Menu) planGroup(_ context.Context, a Answers) (Plan, error) {
	at := "at a multicast address that the server picks"
	if a["address"] != "" {
		at = "at " + ui.Name(a["address"])
	}
	seen := "Only administrators see it, and its members once you add them."
	if a.yes("listed") {
		seen = "Everybody with an account sees it and may ask to join."
	}
	return Plan{fmt.Sprintf("Create group %s, %s.", ui.Name(a["group"]), at), seen}, nil
}

func (m *Menu) planDelete(ctx context.Context, a Answers) (Plan, error) {
	g, err := m.Admin.Group(ctx, a["group"])
	if err != nil {
		return nil, err
	}
	p := Plan{fmt.Sprintf("Delete group %s, which has %s.", ui.Name(g.Name), ui.Plural(g.Members, "member"))}
	if g.Pending > 0 {
		p = append(p, fmt.Sprintf("Its transfers are cancelled: %s will not be made.", deliveries(g.Pending)))
	}
	return append(p, "What was delivered stays on the receivers. A deleted group does not come back."), nil
}

func (m *Menu) planClient(ctx context.Context, a Answers) (Plan, error) {
	g, err := m.Admin.Group(ctx, a["group"])
	if err != nil {
		return nil, err
	}
	var p Plan
	user, group := ui.Name(a["user"]), ui.Name(g.Name)
	if a["password"] != "" {
		p = append(p, fmt.Sprintf("Make the account %s, with the password that you typed.", user))
	}
	gets := "their devices get what is pending for it, and all that is sent from now on."
	return append(p, fmt.Sprintf("Add %s to %s: %s", user, group, gets)), nil
}

func (m *Menu) planRemove(_ context.Context, a Answers) (Plan, error) {
	return Plan{
		fmt.Sprintf("Remove %s from %s: their devices get nothing more of it, nor what they still lack.",
			ui.Name(a["user"]), ui.Name(a["group"])),
		"What was delivered stays on the devices.",
	}, nil
}

func (m *Menu) planAdd(ctx context.Context, a Answers) (Plan, error) {
	g, err := m.Admin.Group(ctx, a["group"])
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(expand(a["path"]))
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", a["path"], err)
	}
	what := ui.Name(path)
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		what += " (" + ui.Size(uint64(info.Size())) + ")"
	}
	p := Plan{fmt.Sprintf("Add %s to what is pending for %s.", what, ui.Name(g.Name))}
	if left := pattern.Split(a["exclude"]); len(left) > 0 {
		p = append(p, "Left out: what matches "+ui.Name(strings.Join(left, ", "))+".")
	}
	if a.yes("skip") {
		p = append(p, "What cannot be sent is left out, too.")
	}
	if !m.Admin.IsLocal() {
		p = append(p, "It is uploaded to the server first.")
	}
	ahead := m.foreseen(ctx, a, path)
	switch {
	case a.yes("hold"):
		p = append(p, "It is held: nothing is sent before `Send pending`.")
	case len(ahead) == 0:
		p = append(p, "It is sent at once: "+whoIsHere(g))
	}
	return append(p, ahead...), nil
}

// whoIsHere says whom something that is sent to a group now reaches.
func whoIsHere(g groupcast.Group) string {
	switch {
	case g.Members == 0:
		return "the group has no members yet."
	case g.Active == 0:
		return "no device of the group is here now, each gets it when it is back."
	case g.Active == 1:
		return "1 device of the group is here now; the others get it when they are back."
	}
	return fmt.Sprintf("%d devices of the group are here now; the others get it when they are back.", g.Active)
}

func (m *Menu) planSend(ctx context.Context, a Answers) (Plan, error) {
	g, err := m.Admin.Group(ctx, a["group"])
	if err != nil {
		return nil, err
	}
	open, err := m.Admin.Transfers(ctx, groupcast.TransferFilter{Group: g.Name, Open: true, Limit: maxOpen})
	if err != nil {
		return nil, err
	}
	if len(open) == 0 {
		return nil, nothingPending(a)
	}
	wait := slices.DeleteFunc(open, func(t groupcast.Transfer) bool { return !t.Sendable() })
	if len(wait) == 0 {
		return nil, NothingToDo("All that is pending for " + ui.Name(g.Name) + " is being sent: `Pending status` shows it.")
	}
	numbers := make([]string, len(wait))
	for i, t := range wait {
		numbers[i] = fmt.Sprint(t.No)
	}
	a[sentKey] = strings.Join(numbers, " ")
	names := make([]string, 0, mostNamed+1)
	for _, t := range wait[:min(len(wait), mostNamed)] {
		names = append(names, fmt.Sprintf("%s (%s)", ui.Name(t.Name), described(t)))
	}
	if more := len(wait) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return Plan{
		fmt.Sprintf("Send %s to %s: %s.", ui.Plural(len(wait), "transfer"), ui.Name(g.Name), strings.Join(names, ", ")),
		"It goes out at once: " + whoIsHere(g),
	}, nil
}

// described is what matters of a transfer that is about to be sent.
func described(t groupcast.Transfer) string {
	text := ui.Size(t.Bytes)
	if !t.Selection.All() {
		text += ", only for " + ui.Name(t.Selection.String())
	}
	if t.Paused {
		text += ", paused until now"
	}
	return text
}

func (m *Menu) planDecide(_ context.Context, a Answers) (Plan, error) {
	who, group, _ := strings.Cut(a["request"], " to ")
	_, device, ofDevice := strings.Cut(who, "/")
	who, group = ui.Name(who), ui.Name(group)
	switch {
	case a["verdict"] == "deny" && ofDevice:
		return Plan{fmt.Sprintf("Turn down %s for %s: this device gets nothing of the group.", who, group)}, nil
	case a["verdict"] == "deny":
		return Plan{fmt.Sprintf("Turn down %s for %s: they do not become a member, and may ask again.", who, group)}, nil
	case ofDevice:
		return Plan{fmt.Sprintf("Approve %s for %s: the device %s gets what members of the group get.", who, group,
			ui.Name(device))}, nil
	}
	return Plan{fmt.Sprintf("Approve %s for %s: they become a member, and their devices get what is pending for it and "+
		"all that is sent from now on.", who, group)}, nil
}

func (m *Menu) planJoin(_ context.Context, a Answers) (Plan, error) {
	return Plan{fmt.Sprintf("Ask to join %s: an administrator sees your request and decides.", ui.Name(a["group"]))}, nil
}
