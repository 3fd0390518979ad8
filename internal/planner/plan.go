package planner

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/plan"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/selection"
)

const (
	maxPlanBytes = 1 << 53 // that a client says it would upload: JavaScript counts no further
	pacesOf      = 20      // the last transfers that are looked at for a pace: of the group, then of all
)

// Plan says what a transfer to groups would meet. The query has been checked; files of the server's disk are named
// within what is allowed.
func (p *Planner) Plan(
	ctx context.Context, q groupcast.PlanQuery, may content.Allowed,
) (out groupcast.SendPlan, err error) {
	groups, whom := make([]groupcast.Group, len(q.Groups)), map[string]groupcast.Selection{}
	for i, name := range q.Groups {
		if groups[i], err = p.cfg.Store.Group(ctx, name); err != nil {
			return out, err
		}
		chosen, err := selection.Read(ctx, p.cfg.Store, groups[i], q.Selection)
		if err != nil {
			return out, err
		}
		whom[name] = chosen.Selection
	}
	out.At, out.Hold = p.cfg.Now(), q.Hold
	sent, err := p.content(ctx, may, q, &out)
	if err != nil {
		return out, err
	}
	defer sent.drop()
	devices, err := p.devices(ctx, whom, out.Bytes)
	if err != nil {
		return out, err
	}
	out.PlanCounts = plan.Count(devices)
	without := map[string]bool{} // members without a device, of all groups
	for _, g := range groups {
		one, err := p.group(ctx, g, q, out, plan.In(devices, g.Name), sent)
		if err != nil {
			return out, err
		}
		if len(q.Selection.Only) == 0 {
			if one.NoDevice, err = p.withoutDevice(ctx, g, without); err != nil {
				return out, err
			}
		}
		if !q.Selection.All() && one.Total+one.NoDevice == 0 {
			one.Blocked = groupcast.ENobody
		}
		out.Groups = append(out.Groups, one)
	}
	out.NoDevice = len(without)
	out.Devices = devices[:min(len(devices), groupcast.MaxPlanned)]
	return out, nil
}

// Check bounds what a plan is asked for.
func Check(q *groupcast.PlanQuery) error {
	ways := 0
	for _, said := range []bool{len(q.Paths) > 0, q.Upload != "", len(q.Entries) > 0, q.Files > 0 || q.Bytes > 0} {
		if said {
			ways++
		}
	}
	switch {
	case ways > 1:
		return groupcast.Errorf(groupcast.EInvalid, "what is sent is said in one way").
			WithHint("give paths, an upload, entries, or their number and size")
	case len(q.Groups) > groupcast.MaxPlanGroups:
		return groupcast.Errorf(groupcast.EInvalid, "a plan is for %d groups at most", groupcast.MaxPlanGroups)
	case len(q.Entries) > groupcast.MaxPlanEntries:
		return groupcast.Errorf(groupcast.EInvalid, "a plan takes %d entries at most", groupcast.MaxPlanEntries).
			WithHint("say how many they are and how large")
	case q.Bytes > maxPlanBytes || q.Files < 0 || q.Files > protocol.MaxFiles:
		return groupcast.Errorf(groupcast.EInvalid, "that is too much for one transfer")
	}
	slices.Sort(q.Groups)
	q.Groups = slices.Compact(q.Groups)
	return nil
}

// content finds what is sent; nil if its paths are not known.
func (p *Planner) content(
	ctx context.Context, may content.Allowed, q groupcast.PlanQuery, out *groupcast.SendPlan,
) (*sent, error) {
	out.LeftOut.Entries = []groupcast.LeftOut{}
	switch {
	case len(q.Paths) > 0:
		return p.listed(ctx, may, q, out)
	case q.Upload != "":
		files, err := p.cfg.Content.Uploads.Entries(q.Upload)
		if err != nil {
			return nil, err
		}
		return p.named(ctx, planned(out, files)), nil
	case len(q.Entries) > 0:
		refused, err := content.Refused(q.Entries, q.Exclude)
		if err != nil {
			return nil, err
		}
		leaveOut(out, refused, len(refused))
		paths := planned(out, wanted(q.Entries, refused))
		out.Full = p.cfg.Fits(out.Bytes) != nil
		return p.named(ctx, paths), nil
	}
	out.Files, out.Bytes, out.Known = q.Files, q.Bytes, q.Files > 0 || q.Bytes > 0
	out.Full = out.Known && p.cfg.Fits(out.Bytes) != nil
	return nil, nil
}

// wanted are the entries that are not refused.
func wanted(entries []groupcast.UploadEntry, refused []groupcast.LeftOut) []manifest.File {
	not := make(map[string]bool, len(refused))
	for _, l := range refused {
		not[l.Path] = true
	}
	var files []manifest.File
	for _, e := range entries {
		if !not[e.Path] {
			kind := manifest.KindFile
			if e.Kind == content.KindName(manifest.KindFolder) {
				kind = manifest.KindFolder
			}
			files = append(files, manifest.File{Path: e.Path, Kind: kind, Size: min(e.Size, maxPlanBytes)})
		}
	}
	return files
}

// planned counts what is sent and gives its paths in order.
func planned(out *groupcast.SendPlan, files []manifest.File) []string {
	paths := make([]string, len(files))
	for i := range files {
		paths[i] = files[i].Path
		if files[i].Kind == manifest.KindFolder {
			out.Folders++
			continue
		}
		out.Files++
		out.Bytes = min(out.Bytes+files[i].Size, maxPlanBytes)
	}
	out.Known = true
	slices.Sort(paths)
	return paths
}

// leaveOut says what is left out: what cannot be sent first, since somebody has to decide about it.
func leaveOut(out *groupcast.SendPlan, entries []groupcast.LeftOut, count int) {
	sorted := slices.Clone(entries)
	excluded := func(l groupcast.LeftOut) int {
		if l.Why == groupcast.WhyExcluded {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(sorted, func(a, b groupcast.LeftOut) int { return cmp.Compare(excluded(a), excluded(b)) })
	for _, l := range sorted {
		out.Bad += 1 - excluded(l)
	}
	some := sorted[:min(len(sorted), groupcast.MaxPlanLeftOut)]
	out.LeftOut = groupcast.LeftOutPage{Total: count, Listed: len(some), Entries: some}
	if some == nil {
		out.LeftOut.Entries = []groupcast.LeftOut{}
	}
}

// devices judges the devices of groups, or those whom a selection takes of them.
func (p *Planner) devices(
	ctx context.Context, whom map[string]groupcast.Selection, bytes uint64,
) ([]groupcast.PlannedDevice, error) {
	all, err := p.cfg.Store.Devices(ctx, "", groupcast.Window{})
	if err != nil {
		return nil, err
	}
	logins, err := p.cfg.Store.Logins(ctx, "", groupcast.Window{}, true)
	if err != nil {
		return nil, err
	}
	devices := []groupcast.PlannedDevice{}
	for _, d := range all.Rows {
		var in []string
		for _, g := range logins[d.ID].Groups {
			if chosen, asked := whom[g]; asked && chosen.Takes(d) {
				in = append(in, g)
			}
		}
		if len(in) > 0 {
			p.cfg.Agents.Describe(&d)
			devices = append(devices, plan.Judge(d, p.cfg.Agents.Unfit(d.ID), in, bytes))
		}
	}
	plan.Sort(devices)
	return devices, nil
}

// group says what the transfer to one group meets.
func (p *Planner) group(
	ctx context.Context, g groupcast.Group, q groupcast.PlanQuery, all groupcast.SendPlan,
	devices []groupcast.PlannedDevice, sent *sent,
) (out groupcast.GroupPlan, err error) {
	out = groupcast.GroupPlan{
		Group: g.Name, Members: g.Members, PlanCounts: plan.Count(devices), Replaces: []groupcast.Replaced{},
	}
	if err := p.cfg.Engine.MayAdd(g, q.Now); err != nil {
		out.Blocked = groupcast.ErrorCode(err)
	}
	if sent != nil {
		if out.Replaces, out.Compared, err = p.replaces(ctx, g, sent, q.Selection, devices); err != nil {
			return out, err
		}
	}
	via := plan.Way(q.Via, out.Ready)
	if out.Begins, err = p.start(ctx, g, q, out, via); err != nil {
		return out, err
	}
	limits := plan.Limits{Transfer: q.Rate, Server: p.cfg.MaxRate * 8}
	pace, err := p.paceOf(ctx, g.Name, via, limits)
	if err != nil {
		return out, err
	}
	out.Takes = plan.Takes(all.Bytes, out.Ready, via, limits, pace)
	return out, nil
}

// replaces lists the open transfers of a group that one of these files replaces, if they still owe anything. One
// for some of the group replaces them for its devices only.
func (p *Planner) replaces(
	ctx context.Context, g groupcast.Group, sent *sent, whom groupcast.Selection, devices []groupcast.PlannedDevice,
) (out []groupcast.Replaced, compared bool, err error) {
	older, compared := p.cfg.Engine.WouldReplace(g.ID, sent.entries, sent.covers)
	out = []groupcast.Replaced{}
	for _, no := range older {
		tr, err := p.cfg.Store.Transfer(ctx, no)
		if err == nil && !whom.All() {
			var owed []groupcast.Delivery
			owed, err = p.cfg.Store.OwedOf(ctx, no, groupcast.Window{})
			tr.Owed = plan.Among(owed, devices)
		}
		if groupcast.ErrorCode(err) == groupcast.ENotFound || err == nil && tr.Owed == 0 {
			continue
		}
		if err != nil {
			return nil, false, err
		}
		out = append(out, groupcast.Replaced{Transfer: tr.No, Name: tr.Name, At: tr.CreatedAt, Owed: tr.Owed})
	}
	return out, compared, nil
}

// withoutDevice counts the members of a group who have no device, and notes them.
func (p *Planner) withoutDevice(ctx context.Context, g groupcast.Group, note map[string]bool) (n int, err error) {
	members, err := p.cfg.Store.Members(ctx, g.ID, groupcast.Window{})
	for _, m := range members.Rows {
		if m.Devices == 0 {
			n++
			note[m.UserID] = true
		}
	}
	return n, err
}

// start says when a transfer begins.
func (p *Planner) start(
	ctx context.Context, g groupcast.Group, q groupcast.PlanQuery, who groupcast.GroupPlan, via groupcast.Via,
) (out groupcast.PlanStart, err error) {
	out.Code = plan.Begins(who.PlanCounts, q.Hold, q.Now, who.Ready == who.Total)
	if !q.Hold && p.cfg.Engine.Paused() {
		out.Code = groupcast.StartsConfirmed
	}
	if out.Code == groupcast.StartsGathering {
		out.Wait = p.cfg.GatherMax
	}
	soon := out.Code == groupcast.StartsNow || out.Code == groupcast.StartsGathering
	ahead := p.cfg.Engine.Ahead(g.ID)
	if ahead == 0 || via == groupcast.ViaHTTPS || !soon {
		return out, nil
	}
	tr, err := p.cfg.Engine.Transfer(ctx, ahead)
	if groupcast.ErrorCode(err) == groupcast.ENotFound {
		return out, nil
	}
	out = groupcast.PlanStart{Code: groupcast.StartsBehind, Behind: ahead, Name: tr.Name, Until: through(tr)}
	return out, err
}

// through is when a transfer is expected to be through for those who take part; zero: unknown.
func through(tr groupcast.Transfer) (at time.Time) {
	for _, e := range tr.Estimates {
		if e.At.After(at) {
			at = e.At
		}
	}
	return at
}

// paceOf finds how quickly transfers went: to the group, or else to others.
func (p *Planner) paceOf(
	ctx context.Context, group string, via groupcast.Via, l plan.Limits,
) (*groupcast.Pace, error) {
	limit, _ := l.Lowest()
	for _, of := range []string{group, ""} {
		page, err := p.cfg.Engine.Transfers(ctx, groupcast.TransferFilter{Group: of, Limit: pacesOf})
		if err != nil {
			return nil, err
		}
		pace, err := p.paces.Find(ctx, page.Rows, via, limit)
		if err != nil || pace != nil {
			return pace, err
		}
	}
	return nil, nil
}

// lookAt reads what the pace of a transfer is worked out from.
func (p *Planner) lookAt(
	ctx context.Context, no protocol.TransferNo,
) ([]groupcast.Delivery, []groupcast.Point, error) {
	page, err := p.cfg.Store.Deliveries(ctx, no, groupcast.Window{})
	if err != nil {
		return nil, nil, err
	}
	points, err := p.cfg.Engine.Series(ctx, no, time.Time{})
	return page.Rows, points, err
}
