package menu

import (
	"fmt"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
)

// Advice is the next step for a transfer that needs an administrator; "" if it needs none.
func Advice(s ui.Snapshot) string {
	if s.Transfer.Cause == groupcast.CauseUnconfirmed {
		return "Next: look at the memberships and confirm them, under Records in the menu."
	}
	if s.Transfer.State.Open() && s.Transfer.Paused {
		return "Next: p resumes it."
	}
	all := WorstFirst(s.Deliveries)
	i := slices.IndexFunc(all, groupcast.Delivery.NeedsAttention)
	if i < 0 {
		if s.Transfer.NeedsAttention() {
			return "Next: r sends it again to those who lack it."
		}
		return ""
	}
	who := ui.Name(ReceiverName(all[i]))
	switch d := all[i]; {
	case d.State == groupcast.DeliveryRefused:
		return "Next: " + refusedAdvice(d, who)
	case d.Label() == groupcast.LabelSilent:
		return fmt.Sprintf("Next: look at %s, which is connected and does not answer; or leave it out (Tab, then l).", who)
	case d.Label() == groupcast.LabelPutOff:
		return fmt.Sprintf("Next: let %s catch up (Tab, then n).", who)
	}
	return "Next: r sends it again to those who lack it."
}

func refusedAdvice(d groupcast.Delivery, who string) string {
	switch d.Refusal {
	case groupcast.RefusedSpace:
		return fmt.Sprintf("free space on %s, or let it keep less free; it looks again by itself.", who)
	case groupcast.RefusedFolder:
		return fmt.Sprintf("see to the folder for received files on %s; it looks again by itself.", who)
	case groupcast.RefusedSize:
		return fmt.Sprintf("raise what %s takes at most, or drop it there (Tab, then d).", who)
	case groupcast.RefusedVersion:
		return fmt.Sprintf("update groupcast on %s and on the server to the same version.", who)
	case groupcast.RefusedNames:
		return fmt.Sprintf("rename what %s cannot hold and send it again.", who)
	default:
		return fmt.Sprintf("see to it on %s; r asks it again.", who)
	}
}
