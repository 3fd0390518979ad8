package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

func TestExitCodes(t *testing.T) {
	hinted := groupcast.Errorf(groupcast.EConflict, "it is\x1b so").WithHint("do that")
	for _, c := range []struct {
		err  error
		code int
		says string
	}{
		{nil, exitDone, ""},
		{errOwed, exitOwed, ""},
		{usageError{errors.New("which?")}, exitUsage, "groupcast: which?\n"},
		{fmt.Errorf("outer: %w", hinted), exitError, "groupcast: it is\\u{1b} so\n     next: do that\n"},
		{errors.New("plain"), exitError, "groupcast: plain\n"},
		{context.Canceled, exitError, "groupcast: interrupted\n"},
	} {
		t.Run(fmt.Sprint(c.code, " ", c.says), func(t *testing.T) {
			var errs bytes.Buffer
			if code := (&app{Streams: terminal.Streams{Err: &errs}}).exit(c.err); code != c.code || errs.String() != c.says {
				t.Errorf("%v: %d, %q", c.err, code, errs.String())
			}
		})
	}
}

func TestOutcomeSaysWhoIsOwed(t *testing.T) {
	nobody := apiclient.Local(filepath.Join(t.TempDir(), "none"))
	for _, c := range []struct {
		state groupcast.TransferState
		owed  int
		lacks int
		want  int
	}{
		{groupcast.TransferDone, 0, 0, exitDone},
		{groupcast.TransferSending, 0, 0, exitDone},
		{groupcast.TransferWaiting, 1, 0, exitOwed},
		{groupcast.TransferFailed, 0, 0, exitError},
		{groupcast.TransferCancelled, 0, 0, exitError},
		{groupcast.TransferDone, 0, 1, exitOwed},
		{groupcast.TransferWaiting, 1, 1, exitOwed},
	} {
		t.Run(fmt.Sprint(c.state, " ", c.owed, " ", c.lacks), func(t *testing.T) {
			var out bytes.Buffer
			a := &app{Streams: terminal.Streams{Out: &out, Err: &out}}
			s := ui.Snapshot{Transfer: groupcast.Transfer{
				No: 7, State: c.state, Verified: 1, Owed: c.owed, Incomplete: c.lacks, Bytes: 10, WireBytes: 12,
			}}
			if code := a.exit(a.outcome(t.Context(), nobody, s, time.Second, false)); code != c.want {
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
		"all that are connected have it":    {[]groupcast.Delivery{have, off}, false, exitDone},
		"the same, counted strictly":        {[]groupcast.Delivery{have, off}, true, exitOwed},
		"nobody has it":                     {[]groupcast.Delivery{off}, false, exitOwed},
		"one that is connected has no room": {[]groupcast.Delivery{have, off, full}, false, exitOwed},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			a := &app{Streams: terminal.Streams{Out: &out, Err: &out}}
			s := ui.Snapshot{Transfer: groupcast.Transfer{State: groupcast.TransferWaiting}, Deliveries: c.all}
			for _, d := range c.all {
				if d.State.Owed() {
					s.Transfer.Owed++
				} else {
					s.Transfer.Verified++
				}
			}
			nobody := apiclient.Local(filepath.Join(t.TempDir(), "none"))
			if code := a.exit(a.outcome(t.Context(), nobody, s, time.Second, c.strict)); code != c.want {
				t.Errorf("exit code %d, want %d\n%s", code, c.want, out.String())
			}
			if says := strings.Contains(out.String(), "pc-off is off and gets it"); says != (c.want == exitDone) {
				t.Errorf("said: %v\n%s", says, out.String())
			}
		})
	}
}

func TestTransferNo(t *testing.T) {
	if n, err := transferNo("17"); n != protocol.TransferNo(17) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, bad := range []string{"", "-1", "x", "0x10", "99999999999999999999"} {
		t.Run(bad, func(t *testing.T) {
			if _, err := transferNo(bad); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%q: %v", bad, err)
			}
		})
	}
}
