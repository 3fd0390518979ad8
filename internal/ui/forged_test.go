package ui

import (
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

func TestForging(t *testing.T) {
	if got := Forging(groupcast.Transfer{Session: &groupcast.SessionStatus{}}); got != "" {
		t.Errorf("nobody forges: %q", got)
	}
	f := &groupcast.Forging{Code: groupcast.MemberForges, Devices: 2, Blocks: 1}
	running := Forging(groupcast.Transfer{Forging: f, Session: &groupcast.SessionStatus{}})
	over := Forging(groupcast.Transfer{Forging: f})
	if !strings.HasPrefix(running, "a member of the group forges packets: 2 devices reported it, 1 block came wrong") {
		t.Error(running)
	}
	marked := groupcast.Transfer{Session: &groupcast.SessionStatus{Marked: true}}
	if got := Forging(marked); got != "a member of the group forged packets lately: "+marks {
		t.Error(got)
	}
	marked.Forging = f
	if got := Forging(marked); !strings.HasPrefix(got, running) || !strings.HasSuffix(got, "; "+marks) {
		t.Error(got)
	}
	if !strings.HasPrefix(over, "a member of the group forged packets: ") {
		t.Error(over)
	}
}
