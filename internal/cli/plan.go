package cli

import (
	"context"
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/plan"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

// showPlan says what a send to a group would meet: which devices are ready, are away, lack space, and
// how long it takes.
func (a *app) showPlan(
	ctx context.Context, client *apiclient.Client, o sendOptions, group string, paths []string,
) error {
	g, err := client.Group(ctx, group)
	if err != nil {
		return err
	}
	found, err := client.Check(ctx, groupcast.CheckQuery{Group: group})
	if err != nil {
		return err
	}
	sel := &apiclient.Selection{Paths: paths, Exclude: o.exclude, SkipBad: o.skipBad}
	if !o.onServer { // what lies there is read when it is sent
		if err := apiclient.Look(sel); err != nil {
			return a.listBad(ctx, client, groupcast.NewTransfer{}, err)
		}
	}
	p := plan.Make(g, found, sel.Bytes, o.new.Rate)
	p.Entries, p.LeftOut = sel.Entries, sel.LeftOut.Count
	if a.JSON {
		return a.PrintJSON(p)
	}
	return a.sayPlan(p)
}

func (a *app) sayPlan(p plan.Plan) error {
	what := "what lies on the server"
	if p.Entries > 0 {
		what = fmt.Sprintf("%s, %s", ui.Entries(p.Entries), ui.Size(p.Bytes))
	}
	fmt.Fprintf(a.Out, "for %s (%s): %s\n", ui.Name(p.Group), ui.Plural(p.Members, "member"), what)
	if p.LeftOut > 0 {
		fmt.Fprintf(a.Out, "%s would be left out\n", ui.Entries(p.LeftOut))
	}
	err := terminal.List(&a.Streams, p.Devices, "no member has a device yet", "USER|DEVICE|STANDS|WHY",
		func(d plan.Device) []string {
			stands := map[string]string{plan.NoSpace: "no space", plan.Unfit: "cannot take it"}[d.Stands]
			return []string{d.User, d.Device, yes(stands == "", d.Stands, stands), d.Why}
		})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "%d ready, %d away, %d without the space, %d cannot take it; nothing was sent\n",
		p.Count(plan.Ready), p.Count(plan.Away), p.Count(plan.NoSpace), p.Count(plan.Unfit))
	if p.Bytes > 0 {
		fmt.Fprintln(a.Out, p.HowLong())
	}
	return nil
}
