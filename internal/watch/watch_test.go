package watch

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

func TestOutcomeSaysWhoIsOwed(t *testing.T) {
	nobody := apiclient.Local(filepath.Join(t.TempDir(), "none"))
	for _, c := range []struct {
		state groupcast.TransferState
		owed  int
		lacks int
		want  int
	}{
		{groupcast.TransferDone, 0, 0, shell.Done},
		{groupcast.TransferSending, 0, 0, shell.Done},
		{groupcast.TransferWaiting, 1, 0, shell.Owed},
		{groupcast.TransferFailed, 0, 0, shell.Failed},
		{groupcast.TransferCancelled, 0, 0, shell.Failed},
		{groupcast.TransferDone, 0, 1, shell.Owed},
		{groupcast.TransferWaiting, 1, 1, shell.Owed},
	} {
		t.Run(fmt.Sprint(c.state, " ", c.owed, " ", c.lacks), func(t *testing.T) {
			var out bytes.Buffer
			v := View{Streams: &terminal.Streams{Out: &out, Err: &out}, Client: nobody}
			s := ui.Snapshot{Transfer: groupcast.Transfer{
				No: 7, State: c.state, Verified: 1, Owed: c.owed, Incomplete: c.lacks, Bytes: 10, WireBytes: 12,
			}}
			if code := shell.Exit(v.Streams, v.outcome(t.Context(), s, time.Second, false), false); code != c.want {
				t.Errorf("%s: exit code %d, want %d\n%s", c.state, code, c.want, out.String())
			}
		})
	}
}

func TestWhoIsOffIsNoFailure(t *testing.T) {
	have := groupcast.Delivery{Device: "a", State: groupcast.DeliveryVerified, Active: true}
	off := groupcast.Delivery{Device: "pc-off", State: groupcast.DeliveryQueued}
	full := groupcast.Delivery{Device: "pc-full", State: groupcast.DeliveryRefused, Active: true}
	for name, c := range map[string]struct {
		all    []groupcast.Delivery
		strict bool
		want   int
	}{
		"all that are connected have it":    {[]groupcast.Delivery{have, off}, false, shell.Done},
		"the same, counted strictly":        {[]groupcast.Delivery{have, off}, true, shell.Owed},
		"nobody has it":                     {[]groupcast.Delivery{off}, false, shell.Owed},
		"one that is connected has no room": {[]groupcast.Delivery{have, off, full}, false, shell.Owed},
	} {
		nobody := apiclient.Local(filepath.Join(t.TempDir(), "none"))
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			v := View{Streams: &terminal.Streams{Out: &out, Err: &out}, Client: nobody}
			s := ui.Snapshot{Transfer: groupcast.Transfer{State: groupcast.TransferWaiting}, Deliveries: c.all}
			for _, d := range c.all {
				if d.State.Owed() {
					s.Transfer.Owed++
				} else {
					s.Transfer.Verified++
				}
			}
			if code := shell.Exit(v.Streams, v.outcome(t.Context(), s, time.Second, c.strict), false); code != c.want {
				t.Errorf("exit code %d, want %d\n%s", code, c.want, out.String())
			}
			if says := strings.Contains(out.String(), "pc-off is off and gets it"); says != (c.want == shell.Done) {
				t.Errorf("said: %v\n%s", says, out.String())
			}
		})
	}
}
