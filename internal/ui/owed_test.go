package ui

import (
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

// What is still owed of a transfer comes when its receivers are back; of one that is paused, when it is resumed.
func TestTheSummarySaysWhatIsWaitedFor(t *testing.T) {
	tr := groupcast.Transfer{No: 7, Group: "lab", Owed: 2}
	want := "2 still owed (delivered when they are back: groupcast pending list lab)"
	if got := Summary(tr, 0); !strings.Contains(got, want) {
		t.Error(got)
	}
	tr.Paused = true
	if got := Summary(tr, 0); !strings.Contains(got, "2 still owed (paused until: groupcast transfer resume 7)") {
		t.Error(got)
	}
}

// A plan says of a device that keeps its groups in the earlier format what that means, beside how it stands.
func TestAPlanSaysWhoKeepsTheEarlierFormat(t *testing.T) {
	d := groupcast.PlannedDevice{Stands: groupcast.PlanReady, Earlier: groupcast.EarlierOld}
	if got := PlanWhy(d); !strings.HasPrefix(got, "connected; too old for ") {
		t.Error(got)
	}
	d.Stands, d.Earlier = groupcast.PlanAway, groupcast.EarlierUnseen
	if got := PlanWhy(d); !strings.HasSuffix(got, "; until it was connected once its groups get every file whole") {
		t.Error(got)
	}
}
