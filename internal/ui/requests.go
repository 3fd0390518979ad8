package ui

import (
	"fmt"

	"github.com/groupcast/groupcast"
)

// Asks says what a request asks for, with the words that came with it.
func Asks(r groupcast.JoinRequest) string {
	switch {
	case r.Device != "" && r.Address != "":
		return "a new device of a member, seen from " + r.Address
	case r.Device != "":
		return "a new device of a member"
	case r.State == groupcast.RequestOpen && r.Devices > 1:
		text := fmt.Sprintf("comes with %d devices", r.Devices)
		if r.Text != "" {
			text = r.Text + " (" + text + ")"
		}
		return text
	}
	return r.Text
}
