package menu

import (
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

func TestTheNextStepIsFoundInTheMenu(t *testing.T) {
	m := nobody()
	for role, of := range steps {
		entries := m.Entries(role)
		for step, key := range of {
			if i := Find(entries, key); i < 0 || entries[i].Leads != Nowhere {
				t.Errorf("%s: there is no entry %s for %s", role, key, step)
			}
		}
	}
	bad := groupcast.Errorf(groupcast.EConflict, "it is over").WithHint("send it again")
	for want, n := range map[string]*groupcast.Next{
		"Next: send it again":                    nil,
		"Next: send it again (in this menu: t)":  {Step: groupcast.StepRetry},
		"Next: send it again (in this menu: 3)":  {Step: groupcast.StepMyGroups},
		"Next: send it again (in this menu: 3) ": {Step: groupcast.StepAddMember},
		"Next: send it again ":                   {Step: "of-a-newer-server"},
	} {
		t.Run(want, func(t *testing.T) {
			bad.Next = n
			if got := InWords(bad)[1]; got != strings.TrimSpace(want) {
				t.Errorf("%q, not %q", got, want)
			}
		})
	}
}
