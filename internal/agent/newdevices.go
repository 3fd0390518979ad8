package agent

import (
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// notices is what was said already of devices and groups: the state tells it again and again.
type notices struct {
	devices  map[protocol.DeviceID]bool
	withheld map[string]groupcast.RequestState
}

// notice says what the user of this machine should know: a login elsewhere that may not be theirs,
// and groups that this machine waits for.
func (a *Agent) notice(state groupcast.AgentState) {
	told := notices{devices: map[protocol.DeviceID]bool{}, withheld: map[string]groupcast.RequestState{}}
	for _, d := range state.NewDevices {
		told.devices[d.ID] = true
		if a.noticed.devices[d.ID] {
			continue
		}
		a.say(Line{Kind: "warning", Text: fmt.Sprintf("new device %s of %s since %s: if nobody of yours logged in there, end it (groupcast device revoke %s) and change the password (groupcast passwd)",
			d.Name, d.User, d.Since.Local().Format("15:04"), d.ID)})
	}
	for _, g := range state.Withheld {
		told.withheld[g.Name] = g.State
		if a.noticed.withheld[g.Name] == g.State {
			continue
		}
		text := "group %s: this device is new and waits for an administrator to approve it; until then nothing of the group comes here"
		if g.State == groupcast.RequestDenied {
			text = "group %s: an administrator did not let this device in; nothing of the group comes here"
		}
		a.say(Line{Kind: "group", Group: g.Name, Text: fmt.Sprintf(text, g.Name)})
	}
	a.noticed = told
}
