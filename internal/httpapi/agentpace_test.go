package httpapi

import (
	"errors"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/pace"
	"github.com/groupcast/groupcast/internal/protocol"
)

// TestAgentsCallAtARate: a device that calls without end is told when to come back, and its user's
// other devices go on; what all devices of a user do together has a bound of its own.
func TestAgentsCallAtARate(t *testing.T) {
	now := time.Unix(1000, 0)
	paces := pace.NewAgents()
	agent := func(user string) groupcast.Principal {
		return groupcast.Principal{
			User: groupcast.User{ID: user}, Device: &groupcast.Device{ID: protocol.NewDeviceID()},
			Scope: groupcast.ScopeAgent,
		}
	}
	calls := func(p groupcast.Principal, n int) (let int, last error) {
		for range n {
			if err := paces.Take(p, false, now); err != nil {
				last = err
			} else {
				let++
			}
		}
		return let, last
	}
	greedy, other := agent("alice"), agent("alice")
	let, err := calls(greedy, 5000)
	if let != pace.CostsBurst/pace.CallCost {
		t.Errorf("%d calls at once", let)
	}
	var refusal *groupcast.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("refused with %v", err)
	}
	answer := problem(refusal)
	if answer.Status != 429 || answer.GetHeaders().Get("Retry-After") != "1" {
		t.Errorf("%+v, Retry-After %q", answer, answer.GetHeaders().Get("Retry-After"))
	}
	if let, _ := calls(other, 50); let != 50 {
		t.Errorf("%d of 50 calls of another device", let)
	}
	now = now.Add(time.Second)
	if let, _ := calls(greedy, 5000); let != pace.CostsSecond/pace.CallCost {
		t.Errorf("%d calls in the next second", let)
	}
	total := 0
	for range 4 * pace.UserDevices {
		let, _ := calls(agent("bob"), 1000)
		total += let
	}
	if want := pace.UserDevices * pace.CostsBurst / pace.CallCost; total != want {
		t.Errorf("%d calls of all devices of a user, %d are allowed", total, want)
	}
	if let, _ := calls(agent("carol"), 10); let != 10 {
		t.Errorf("%d of 10 calls of another user", let)
	}
	if err := paces.Take(agent("carol"), true, now); err != nil {
		t.Error(err)
	}
}
