package menu

import (
	"context"
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/pattern"
	"github.com/groupcast/groupcast/internal/ui"
)

// foreseen says what the server expects of a path that is sent to a group: who is ready, when it begins, how long it
// takes, what it replaces. It is empty if the server does not say it.
func (m *Menu) foreseen(ctx context.Context, a Answers, path string) (out Plan) {
	q := groupcast.PlanQuery{Groups: []string{a["group"]}, Hold: a.yes("hold"), Exclude: pattern.Split(a["exclude"])}
	if m.Admin.IsLocal() {
		q.Paths = []string{path}
	} else {
		sel := &apiclient.Selection{Paths: []string{path}, Exclude: q.Exclude, SkipBad: a.yes("skip")}
		entries, err := apiclient.Look(sel)
		if err != nil {
			return nil // said when it is uploaded
		}
		q.Entries, q.Exclude = entries, nil
		if len(entries) > groupcast.MaxPlanEntries {
			q.Entries, q.Files, q.Bytes = nil, sel.Entries, sel.Bytes
		}
	}
	p, err := m.Admin.PlanTransfer(ctx, q)
	if err != nil || len(p.Groups) == 0 {
		return nil
	}
	return foreseenLines(p, p.Groups[0])
}

func foreseenLines(p groupcast.SendPlan, g groupcast.GroupPlan) (out Plan) {
	begins := ui.PlanBegins(g.Begins, p.At)
	if g.Begins.Code != groupcast.StartsHeld {
		out = append(out, "It is sent "+begins+".")
	}
	out = append(out, "The devices of the group: "+ui.PlanCount(p.PlanCounts)+".")
	named := 0
	for _, d := range p.Devices {
		if d.Stands != groupcast.PlanNoSpace && d.Stands != groupcast.PlanUnfit {
			continue
		}
		if named++; named <= mostNamed {
			out = append(out, fmt.Sprintf("   %s/%s: %s", ui.Name(d.User), ui.Name(d.Device), ui.PlanWhy(d)))
		}
	}
	if more := named - mostNamed; more > 0 {
		out = append(out, fmt.Sprintf("   and %d more", more))
	}
	if p.Bytes > 0 && (g.Ready > 0 || g.Takes.Rate > 0) {
		out = append(out, "How long it takes: "+ui.PlanTakes(g.Takes)+".")
	}
	if text := ui.PlanReplaced(g); text != "" {
		out = append(out, "It replaces "+text+".")
	}
	return out
}
