package menutest

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
)

// PlanTransfer foresees two devices that are ready and one without room.
func (w *World) PlanTransfer(
	ctx context.Context, p groupcast.Principal, q groupcast.PlanQuery,
) (groupcast.SendPlan, error) {
	_, err := w.Service.PlanTransfer(ctx, p, q)
	counts := groupcast.PlanCounts{Total: 3, Ready: 2, NoSpace: 1}
	return groupcast.SendPlan{
		Known: true, Bytes: 4, Files: 1, PlanCounts: counts,
		Groups: []groupcast.GroupPlan{{
			Group: q.Groups[0], PlanCounts: counts, Begins: groupcast.PlanStart{Code: groupcast.StartsNow},
			Takes: groupcast.PlanTime{
				Via: groupcast.ViaMulticast, Rate: 8e6, For: 90 * time.Second, AtLeast: true, CapOf: groupcast.CapOfServer,
			},
			Replaces: []groupcast.Replaced{{Transfer: 7, Name: "one.txt", Owed: 2}},
		}},
		Devices: []groupcast.PlannedDevice{
			{User: "carol", Device: "pc-c", Stands: groupcast.PlanNoSpace, Needs: 4, Free: 1, Lacks: 3},
			{User: "alice", Device: "pc-a", Stands: groupcast.PlanReady},
			{User: "bob", Device: "pc-b", Stands: groupcast.PlanReady},
		},
	}, err
}
