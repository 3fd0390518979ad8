package menu

import (
	"context"
	"fmt"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
)

type show = func(Progress)

// adminRows are the lines of the administrator's menu.
func (d *Desk) adminRows() []Row {
	return []Row{
		{Title: "Create group", Run: d.createGroup, Fields: []Field{
			{Key: "group", Ask: "Name of the group"}, {Key: "text", Ask: "Description", Optional: true},
			{Key: "address", Ask: "Multicast address (empty: one is picked)", Optional: true},
			confirm("listed", "May receivers see it and ask to join?", "yes")}},
		{Title: "Delete group", Run: d.deleteGroup, Fields: []Field{d.groupField(), confirm("sure", "Delete it? What it is still owed is cancelled", "no")}},
		{Title: "Add client to group", Run: d.addClient, Fields: []Field{d.groupField(), d.userField(false), d.passwordField()}},
		{Title: "Remove client from group", Run: d.removeClient, Fields: []Field{d.groupField(), d.memberField(), confirm("sure", "Remove? Nothing more is encrypted for this client then", "yes")}},
		{Title: "List groups", Run: d.listGroups},
		{Title: "Add file to pending", Run: d.addPending, Stop: "Esc breaks the upload off", Fields: []Field{d.groupField(),
			{Key: "path", Ask: "File or folder", Path: true, Check: isThere}, excludeField(), d.skipField(), confirm("hold", "Hold it until `Send pending`?", "yes")}},
		{Title: "Send pending", Run: d.sendPending, Live: d.sendLive, Fields: []Field{d.groupField()}},
		{Title: "Pending status", Run: d.pendingStatus, Live: d.statusLive},
		{Title: "View join requests", Run: d.viewRequests},
		{Title: "Approve or deny a request", Run: d.decide, Fields: []Field{d.requestField(), {Key: "verdict", Ask: "Approve or deny", Default: "approve", Closed: true,
			Prepare: func(context.Context, Answers) (Choices, error) {
				return Choices{Options: []Option{{"approve", "the client becomes a member, or its new device is let in"}, {"deny", "the client, or the new device, is turned down"}}}, nil
			}}}},
		{Title: "View a client's groups", Run: d.clientGroups, Fields: []Field{d.userField(true)}},
		{Title: "Check active receivers", Run: d.check},
		{Title: "View members of a group", Run: d.viewMembers, Fields: []Field{d.groupField()}},
		{Title: "Cancel, retry or hurry a transfer", Run: d.change, Fields: []Field{d.transferField(), d.deedField(), d.deviceField()}},
		d.accountRow(),
		d.recordRow(),
	}
}

func (d *Desk) createGroup(ctx context.Context, a Answers, _ show) (Page, error) {
	g, err := d.Admin.CreateGroup(ctx, groupcast.NewGroup{Name: a["group"], Address: a["address"], Description: a["text"], Unlisted: !a.yes("listed")})
	if err != nil {
		return Page{}, err
	}
	p := say(fmt.Sprintf("Group %s is there, at %s.", ui.Name(g.Name), g.Address))
	if g.Warning != "" {
		p.Lines = append(p.Lines, "Warning: "+ui.Name(g.Warning))
	}
	return p, nil
}

func (d *Desk) deleteGroup(ctx context.Context, a Answers, _ show) (Page, error) {
	if !a.yes("sure") {
		return say("Nothing was deleted."), nil
	}
	return say("Group " + ui.Name(a["group"]) + " is deleted."), d.Admin.DeleteGroup(ctx, a["group"])
}

func (d *Desk) addClient(ctx context.Context, a Answers, _ show) (Page, error) {
	var p Page
	if a["password"] != "" {
		u, err := d.Admin.AddUser(ctx, groupcast.NewUser{Name: a["user"], Role: groupcast.RoleMember, Password: groupcast.Password(a["password"])})
		if err != nil {
			return p, err
		}
		p.Lines = append(p.Lines, "The account "+ui.Name(u.Name)+" is made.")
	}
	m, err := d.Admin.AddMember(ctx, a["group"], a["user"])
	if err != nil {
		return Page{Kept: p.Lines}, err
	}
	p.Lines = append(p.Lines, fmt.Sprintf("%s is a member of %s.", ui.Name(m.User), ui.Name(m.Group)))
	if m.Devices == 0 {
		p.Lines = append(p.Lines, "", "On the client's machine, next: groupcast login https://THIS-SERVER:7440 --user "+ui.Name(m.User), "and then: groupcast receive")
	}
	return p, nil
}

func (d *Desk) removeClient(ctx context.Context, a Answers, _ show) (Page, error) {
	if !a.yes("sure") {
		return say("Nobody was removed."), nil
	}
	return say(fmt.Sprintf("%s is no longer a member of %s.", ui.Name(a["user"]), ui.Name(a["group"]))), d.Admin.RemoveMember(ctx, a["group"], a["user"])
}

func (d *Desk) listGroups(ctx context.Context, _ Answers, _ show) (Page, error) {
	groups, err := d.Admin.Groups(ctx)
	return table(groups, "There are no groups yet.", "GROUP|ADDRESS|MEMBERS|ACTIVE|PENDING|DESCRIPTION", func(g groupcast.Group) []string {
		return []string{g.Name, g.Address.String(), fmt.Sprint(g.Members), fmt.Sprint(g.Active), fmt.Sprint(g.Pending), g.Description}
	}), err
}

func (d *Desk) pendingStatus(ctx context.Context, _ Answers, _ show) (Page, error) {
	owed, err := d.Admin.Pending(ctx, "", groupcast.Window{Limit: mostOwed})
	if err != nil || len(owed.Rows) == 0 {
		return say("Nothing is owed to anybody."), err
	}
	var p Page
	shown := 0
	for _, o := range owed.Rows {
		shown += max(len(o.Deliveries), 1)
		t := o.Transfer
		p.Lines = append(p.Lines, fmt.Sprintf("Transfer %d, %s for %s: %s, %s, owed to %d", t.No, ui.Name(t.Name), ui.Name(t.Group), ui.Contents(t), ui.Size(t.Bytes), t.Owed),
			"   "+sentence(t))
		for _, l := range table(o.Deliveries, "nobody", ui.DeliveryHead, ui.DeliveryRow).plain() {
			p.Lines = append(p.Lines, "   "+l)
		}
		p.Lines = append(p.Lines, "")
	}
	if more := owed.Total - shown; more > 0 {
		p.Lines = append(p.Lines, fmt.Sprintf("… and %d more. `groupcast pending list --from %d` shows them.", more, shown))
	}
	return p, nil
}

// mostOwed is how many owed deliveries the menu lists.
const mostOwed = 200

func (d *Desk) viewRequests(ctx context.Context, _ Answers, _ show) (Page, error) {
	requests, err := d.Admin.Requests(ctx, groupcast.RequestOpen)
	return table(requests, "Nobody is waiting.", "GROUP|CLIENT|ASKED|TEXT", func(r groupcast.JoinRequest) []string {
		return []string{r.Group, r.Who(), ui.Ago(r.AskedAt), ui.Asks(r)}
	}), err
}

func (d *Desk) decide(ctx context.Context, a Answers, _ show) (Page, error) {
	user, group, _ := strings.Cut(a["request"], " to ")
	if a["verdict"] == "deny" {
		r, err := d.Admin.Deny(ctx, group, user)
		return say(fmt.Sprintf("%s was turned down for %s.", ui.Name(r.Who()), ui.Name(r.Group))), err
	}
	r, err := d.Admin.Approve(ctx, group, user)
	if r.Device != "" {
		return say(fmt.Sprintf("%s gets what members of %s get from now on.", ui.Name(r.Who()), ui.Name(r.Group))), err
	}
	return say(fmt.Sprintf("%s is a member of %s now.", ui.Name(r.User), ui.Name(r.Group))), err
}

func (d *Desk) clientGroups(ctx context.Context, a Answers, _ show) (Page, error) {
	groups, err := d.Admin.UserGroups(ctx, a["user"])
	return table(groups, ui.Name(a["user"])+" is in no group.", ui.OfferHead, offerRow), err
}

func (d *Desk) check(ctx context.Context, _ Answers, tell show) (Page, error) {
	tell(Progress{Lines: []string{"Asking every receiver, and sending probes to the groups …"}})
	results, err := d.Admin.Check(ctx, groupcast.CheckQuery{})
	return table(results, "No receivers yet: on each machine, `groupcast login`, then `groupcast receive`.", ui.CheckHead, ui.CheckRow), err
}

func (d *Desk) viewMembers(ctx context.Context, a Answers, _ show) (Page, error) {
	members, err := d.Admin.Members(ctx, a["group"])
	return table(members, ui.Name(a["group"])+" has no members yet.", "MEMBER|DEVICES|ACTIVE|SINCE", func(m groupcast.Member) []string {
		return []string{m.User, fmt.Sprint(m.Devices), fmt.Sprint(m.Active), ui.Ago(m.Since)}
	}), err
}

func offerRow(g groupcast.GroupOnOffer) []string { return append(ui.OfferRow(g), g.Description) }
