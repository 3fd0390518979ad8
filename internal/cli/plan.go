package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/ui"
)

// showPlan says what a send to groups would meet: when it begins, how long it takes, what it replaces, and which
// devices are ready, are away or lack space.
func (a *app) showPlan(ctx context.Context, client *apiclient.Client, o sendOptions, groups, paths []string) error {
	q := groupcast.PlanQuery{Groups: groups, Exclude: o.exclude, Now: o.new.Now, Rate: o.new.Rate, Via: o.new.Via}
	q.Selection = o.new.Selection
	sel := &apiclient.Selection{Paths: paths, Exclude: o.exclude, SkipBad: o.skipBad}
	var err error
	switch {
	case o.onServer:
		q.Paths = paths
	case client.IsLocal():
		if q.Paths, err = absolute(paths); err != nil {
			return err
		}
	default:
		if err := upload(&q, sel); err != nil {
			return a.listBad(ctx, client, groupcast.NewTransfer{}, err)
		}
	}
	p, err := client.PlanTransfer(ctx, q)
	if err != nil {
		return err
	}
	if sel.LeftOut.Count > 0 { // of what would be uploaded this program knows it, not the server
		p.Bad, p.LeftOut.Total = sel.LeftOut.Bad, sel.LeftOut.Count
	}
	if a.JSON {
		return a.PrintJSON(p)
	}
	a.sayPlan(p, o.skipBad)
	return nil
}

// upload fills in what would be uploaded.
func upload(q *groupcast.PlanQuery, sel *apiclient.Selection) (err error) {
	if q.Entries, err = apiclient.Look(sel); err != nil {
		return err
	}
	q.Exclude = nil
	if len(q.Entries) > groupcast.MaxPlanEntries {
		q.Entries, q.Files, q.Bytes = nil, sel.Entries, sel.Bytes
	}
	return nil
}

func (a *app) sayPlan(p groupcast.SendPlan, skipBad bool) {
	if p.LeftOut.Total > 0 {
		text := fmt.Sprintf("%s would be left out", ui.Entries(p.LeftOut.Total))
		if p.Bad > 0 && !skipBad {
			text = fmt.Sprintf("%s cannot be sent: leave them out with --skip-bad, or correct them", ui.Entries(p.Bad))
		}
		fmt.Fprintln(a.Out, text)
	}
	if p.Full {
		fmt.Fprintln(a.Out, "the server's own disk has no room for the upload")
	}
	for _, g := range p.Groups {
		a.sayGroupPlan(p, g)
	}
	head := "USER|DEVICE|STANDS|WHY"
	if len(p.Groups) > 1 {
		head = "USER|DEVICE|GROUPS|STANDS|WHY"
	}
	rows := make([][]string, len(p.Devices))
	for i, d := range p.Devices {
		rows[i] = []string{d.User, d.Device, ui.PlanStands(d), ui.PlanWhy(d)}
		if len(p.Groups) > 1 {
			rows[i] = []string{d.User, d.Device, strings.Join(d.Groups, ", "), ui.PlanStands(d), ui.PlanWhy(d)}
		}
	}
	if len(rows) > 0 {
		a.Table(head, rows)
	}
	if more := p.Total - len(p.Devices); more > 0 {
		fmt.Fprintf(a.Out, "and %s more\n", ui.Plural(more, "device"))
	}
	fmt.Fprintf(a.Out, "%s; nothing was sent\n", ui.PlanCount(p.PlanCounts))
}

func (a *app) sayGroupPlan(p groupcast.SendPlan, g groupcast.GroupPlan) {
	fmt.Fprintf(a.Out, "for %s (%s): %s\n", ui.Name(g.Group), ui.Plural(g.Members, "member"), ui.PlanContent(p))
	if why := ui.PlanBlocked(g); why != "" {
		fmt.Fprintf(a.Out, "  refused   %s\n", why)
	}
	fmt.Fprintf(a.Out, "  begins    %s\n", ui.PlanBegins(g.Begins, p.At))
	if p.Bytes > 0 && (g.Ready > 0 || g.Takes.Rate > 0) {
		fmt.Fprintf(a.Out, "  takes     %s\n", ui.PlanTakes(g.Takes))
	}
	if text := ui.PlanReplaced(g); text != "" {
		fmt.Fprintf(a.Out, "  replaces  %s\n", text)
	}
}
