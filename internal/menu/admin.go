package menu

import (
	"context"
	"fmt"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
)

type show = func(Progress)

// adminEntries are the lines of the administrator's menu.
func (m *Menu) adminEntries() []Entry {
	return []Entry{
		{Key: "1", Title: "Create group", Plan: m.planGroup, Run: m.createGroup, Fields: []Field{
			{Key: "group", Ask: "Name of the group"},
			{Key: "text", Ask: "Description", Optional: true},
			{Key: "address", Ask: "Multicast address (empty: one is picked)", Optional: true},
			yesOrNo("listed", "May receivers see it and ask to join?", ""),
		}},
		{Key: "2", Title: "Delete group", Plan: m.planDelete, Run: m.deleteGroup, Fields: []Field{m.groupField()}},
		{Key: "3", Title: "Add client to group", Plan: m.planClient, Run: m.addClient, Fields: []Field{
			m.groupField(), m.userField(false), m.passwordField(),
		}},
		{Key: "4", Title: "Remove client from group", Plan: m.planRemove, Run: m.removeClient, Fields: []Field{
			m.groupField(), m.memberField(),
		}},
		{Key: "5", Title: "List groups", Run: m.listGroups},
		{
			Key: "6", Title: "Add file to pending", Plan: m.planAdd, Run: m.addPending, Stop: "Esc breaks the upload off",
			Fields: []Field{
				m.groupField(),
				{Key: "path", Ask: "File or folder", Path: true, Check: isThere},
				excludeField(), m.skipField(), yesOrNo("hold", "Hold it until `Send pending`?", ""),
			},
		},
		{Key: "7", Title: "Send pending", Plan: m.planSend, Run: m.sendPending, Live: m.sendLive, Fields: []Field{
			m.groupField(),
		}},
		{Key: "8", Title: "Pending status", Run: m.pendingStatus, Live: m.statusLive},
		{Key: "9", Title: "View join requests", Run: m.viewRequests},
		{Key: "10", Title: "Approve or deny a request", Plan: m.planDecide, Run: m.decide, Fields: []Field{
			m.requestField(), decisionField(),
		}},
		{Key: "11", Title: "View a client's groups", Run: m.clientGroups, Fields: []Field{m.userField(true)}},
		{Key: "12", Title: "Check active receivers", Run: m.check},
		{Key: "13", Title: "View members of a group", Run: m.viewMembers, Fields: []Field{m.groupField()}},
		{Key: "14", Title: "Exit", Leads: Out},
		{
			Key: "t", Title: "Transfer: pause, rate, cancel, retry, catch up", Plan: m.planChange, Run: m.change,
			Live: m.changeLive, Fields: []Field{m.transferField(), m.actionField(), m.deviceField(), m.rateField()},
		},
		m.accountEntry(),
		m.recordEntry(),
	}
}

func decisionField() Field {
	return Field{Key: "verdict", Ask: "Approve or deny", Closed: true, Prepare: choices(
		Option{"approve", "the client becomes a member, or its new device is let in"},
		Option{"deny", "the client, or the new device, is turned down"})}
}

func (m *Menu) createGroup(ctx context.Context, a Answers, _ show) (Page, error) {
	g, err := m.Admin.CreateGroup(ctx, groupcast.NewGroup{
		Name: a["group"], Address: a["address"], Description: a["text"], Unlisted: !a.yes("listed"),
	})
	if err != nil {
		return Page{}, err
	}
	p := say(fmt.Sprintf("Group %s is there, at %s.", ui.Name(g.Name), g.Address))
	if w := ui.AddressWarning(g); w != "" {
		p.Lines = append(p.Lines, "Warning: "+w)
	}
	return p, nil
}

func (m *Menu) deleteGroup(ctx context.Context, a Answers, _ show) (Page, error) {
	return say("Group " + ui.Name(a["group"]) + " is deleted."), m.Admin.DeleteGroup(ctx, a["group"])
}

func (m *Menu) addClient(ctx context.Context, a Answers, _ show) (Page, error) {
	var p Page
	if a["password"] != "" {
		u, err := m.Admin.AddUser(ctx, groupcast.NewUser{
			Name: a["user"], Role: groupcast.RoleMember, Password: groupcast.Password(a["password"]),
		})
		if err != nil {
			return p, err
		}
		p.Lines = append(p.Lines, "The account "+ui.Name(u.Name)+" is made.")
	}
	added, err := m.Admin.AddMember(ctx, a["group"], a["user"])
	if err != nil {
		return Page{Kept: p.Lines}, err
	}
	p.Lines = append(p.Lines, fmt.Sprintf("%s is a member of %s.", ui.Name(added.User), ui.Name(added.Group)))
	if added.Devices == 0 {
		p.Lines = append(p.Lines, "", "Next, on the client's machine:",
			"  groupcast login https://THIS-SERVER:7440 --user "+ui.Name(added.User), "  groupcast receive")
	}
	return p, nil
}

func (m *Menu) removeClient(ctx context.Context, a Answers, _ show) (Page, error) {
	done := say(fmt.Sprintf("%s is no longer a member of %s.", ui.Name(a["user"]), ui.Name(a["group"])))
	return done, m.Admin.RemoveMember(ctx, a["group"], a["user"])
}

func (m *Menu) listGroups(ctx context.Context, _ Answers, _ show) (Page, error) {
	groups, err := m.Admin.Groups(ctx)
	head := "GROUP|ADDRESS|MEMBERS|ACTIVE|PENDING|DESCRIPTION"
	return table(groups, "There are no groups yet.", head, func(g groupcast.Group) []string {
		return []string{
			g.Name, g.Address.String(), fmt.Sprint(g.Members), fmt.Sprint(g.Active), fmt.Sprint(g.Pending), g.Description,
		}
	}), err
}

func (m *Menu) pendingStatus(ctx context.Context, _ Answers, _ show) (Page, error) {
	owed, err := m.Admin.Pending(ctx, "", groupcast.Window{Limit: mostOwed})
	if err != nil || len(owed.Rows) == 0 {
		return say("Nothing is owed to anybody."), err
	}
	var p Page
	shown := 0
	for _, o := range owed.Rows {
		shown += max(len(o.Deliveries), 1)
		t := o.Transfer
		p.Lines = append(p.Lines, fmt.Sprintf("Transfer %d, %s for %s: %s, %s, owed to %d",
			t.No, ui.Name(t.Name), ui.ForWhom(t), ui.Contents(t), ui.Size(t.Bytes), t.Owed), "   "+Sentence(t))
		for _, l := range table(o.Deliveries, "nobody", ui.DeliveryHead, ui.DeliveryRow).lines() {
			p.Lines = append(p.Lines, "   "+l)
		}
		p.Lines = append(p.Lines, "")
	}
	if more := owed.Total - shown; more > 0 {
		p.Lines = append(p.Lines, fmt.Sprintf("… and %d more.", more))
	}
	return p, nil
}

// mostOwed is how many owed deliveries the menu lists.
const mostOwed = 200

func (m *Menu) viewRequests(ctx context.Context, _ Answers, _ show) (Page, error) {
	requests, err := m.Admin.Requests(ctx, groupcast.RequestOpen)
	return table(requests, "Nobody is waiting.", "GROUP|CLIENT|ASKED|TEXT", func(r groupcast.JoinRequest) []string {
		return []string{r.Group, r.Who(), ui.Ago(r.AskedAt), ui.Asks(r)}
	}), err
}

func (m *Menu) decide(ctx context.Context, a Answers, _ show) (Page, error) {
	user, group, _ := strings.Cut(a["request"], " to ")
	if a["verdict"] == "deny" {
		r, err := m.Admin.Deny(ctx, group, user)
		return say(fmt.Sprintf("%s was turned down for %s.", ui.Name(r.Who()), ui.Name(r.Group))), err
	}
	r, err := m.Admin.Approve(ctx, group, user)
	if r.Device != "" {
		return say(fmt.Sprintf("%s gets what members of %s get from now on.", ui.Name(r.Who()), ui.Name(r.Group))), err
	}
	return say(fmt.Sprintf("%s is a member of %s now.", ui.Name(r.User), ui.Name(r.Group))), err
}

func (m *Menu) clientGroups(ctx context.Context, a Answers, _ show) (Page, error) {
	groups, err := m.Admin.UserGroups(ctx, a["user"])
	return table(groups, ui.Name(a["user"])+" is in no group.", ui.OfferHead, offerRow), err
}

func (m *Menu) check(ctx context.Context, _ Answers, tell show) (Page, error) {
	tell(Progress{Lines: []string{"Asking every receiver, and sending probes to the groups …"}})
	results, err := m.Admin.Check(ctx, groupcast.CheckQuery{}, nil)
	none := "No receivers yet: on each machine, `groupcast login`, then `groupcast receive`."
	return table(results, none, ui.CheckHead, ui.CheckRow), err
}

func (m *Menu) viewMembers(ctx context.Context, a Answers, _ show) (Page, error) {
	members, err := m.Admin.Members(ctx, a["group"])
	none := ui.Name(a["group"]) + " has no members yet."
	return table(members, none, "MEMBER|DEVICES|ACTIVE|SINCE", func(m groupcast.Member) []string {
		return []string{m.User, fmt.Sprint(m.Devices), fmt.Sprint(m.Active), ui.Ago(m.Since)}
	}), err
}

func offerRow(g groupcast.GroupOnOffer) []string { return append(ui.OfferRow(g), g.Description) }
