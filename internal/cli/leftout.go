package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/ui"
)

// leftOutShown is how many entries are listed where a human reads.
const leftOutShown = 20

// listBad lists the entries that keep a transfer from being made: the first of them for a
// human, all of them as JSON.
func (a *app) listBad(ctx context.Context, client *apiclient.Client, n groupcast.NewTransfer, err error) error {
	var e *groupcast.Error
	if !errors.As(err, &e) || e.Bad == nil {
		return err
	}
	if a.JSON {
		return errors.Join(err, a.PrintJSON(a.allBad(ctx, client, n, e.Bad)))
	}
	for _, line := range ui.LeftOutLines(e.Bad.Entries, e.Bad.Count, leftOutShown) {
		fmt.Fprintln(a.Err, "  "+line)
	}
	return err
}

// allBad asks for those that the answer had no room for.
func (a *app) allBad(
	ctx context.Context, client *apiclient.Client, n groupcast.NewTransfer, bad *groupcast.BadEntries,
) *groupcast.BadEntries {
	if len(n.Paths) == 0 || len(bad.Entries) == bad.Count {
		return bad
	}
	page, err := client.CheckTransfer(ctx, n, groupcast.Window{})
	if err != nil {
		return bad
	}
	all := &groupcast.BadEntries{Count: bad.Count}
	for _, l := range page.Entries {
		if l.Why != groupcast.WhyExcluded {
			all.Entries = append(all.Entries, l)
		}
	}
	return all
}

// sayLeftOut says what of the paths is not in a transfer that was made of them.
func (a *app) sayLeftOut(ctx context.Context, client *apiclient.Client, t groupcast.Transfer) {
	if t.LeftOut+t.Lost == 0 || a.JSON {
		return
	}
	for _, line := range a.leftOutLines(ctx, client, t) {
		fmt.Fprintln(a.Err, line)
	}
}

// leftOutLines lists what a transfer lacks.
func (a *app) leftOutLines(ctx context.Context, client *apiclient.Client, t groupcast.Transfer) []string {
	page, err := client.LeftOut(ctx, t.No, groupcast.Window{Limit: leftOutShown})
	if err != nil {
		return []string{fmt.Sprintf("%s left out; which ones cannot be read: %v", ui.Entries(t.LeftOut+t.Lost), err)}
	}
	lines := []string{ui.Entries(page.Total) + " left out:"}
	for _, line := range ui.LeftOutLines(page.Entries, page.Total, leftOutShown) {
		lines = append(lines, "  "+line)
	}
	return lines
}
