package ui

import (
	"fmt"
	"strings"

	"github.com/groupcast/groupcast"
)

// Refused says of which devices something was refused, and why: at most five of them.
func Refused(all []groupcast.DeviceResult) string {
	const most = 5
	var each []string
	for _, r := range all[:min(len(all), most)] {
		each = append(each, Name(r.Who())+": "+Name(r.Problem))
	}
	text := strings.Join(each, "; ")
	if more := len(all) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}
