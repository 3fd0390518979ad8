package ui

import (
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

func TestReachInWords(t *testing.T) {
	heard := []groupcast.ProbeResult{
		{Group: "deaf", Sent: 5}, {Group: "lossy", Sent: 5, Heard: 3}, {Group: "well", Sent: 5, Heard: 5}, {Group: "none"},
	}
	for reach, want := range map[groupcast.Reach]string{
		groupcast.ReachMulticast: "reached over multicast",
		groupcast.ReachLossy:     "hears multicast with loss: lossy (3 of 5); parity repairs it",
		groupcast.ReachHTTPS:     "does not hear multicast of deaf, so data comes over HTTPS",
		groupcast.ReachNotProbed: "no probe could be sent to none:",
		groupcast.ReachNoGroup:   "is in no group",
		groupcast.ReachSilent:    "connected, but did not answer in time",
		groupcast.ReachOff:       "not active, seen 1h ago:",
		groupcast.ReachNever:     "has never connected",
		groupcast.ReachCopied:    "used by 3 machines",
		groupcast.ReachUnfit:     "it speaks version 9",
		"of another year":        "of another year",
	} {
		t.Run(string(reach), func(t *testing.T) {
			got := Reach(groupcast.CheckResult{
				Reach: reach, Multicast: heard, Machines: 3, Unfit: "it speaks version 9", LastSeen: time.Now().Add(-time.Hour),
			})
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q, want %q", reach, got, want)
			}
		})
	}
	evil := groupcast.CheckResult{Reach: groupcast.ReachUnfit, Unfit: "\x1b[2J"}
	if strings.Contains(Reach(evil), "\x1b") {
		t.Error("what a device says reaches the terminal")
	}
}
