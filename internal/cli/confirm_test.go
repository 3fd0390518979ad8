package cli

import (
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// On a terminal what deletes something says what is lost, and does it after a yes and nothing else.
func TestDeletingAsksOnATerminal(t *testing.T) {
	s := newSite(t)
	if out, err := s.command("s", "group", "create", "lab").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	left := func() string {
		out, err := s.command("s", "group", "list").Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	shell := s.shows(
		"s",
		"sh",
		"-c",
		"while read -r line; do clear; "+s.program+" group delete lab; echo \"exit $?\"; done",
	)
	for _, c := range []struct {
		answer, says string
		gone         bool
	}{
		{"", "nothing was changed", false},
		{"n", "nothing was changed", false},
		{"yess", "nothing was changed", false},
		{"Yes", "group lab deleted", true},
	} {
		t.Run("answer "+c.answer, func(t *testing.T) {
			shell.types("Enter")
			shell.sees("This deletes the group lab (0 members, 0 transfers pending)", "Go on? [y/N]")
			if c.answer != "" {
				shell.types("-l", c.answer)
			}
			shell.types("Enter")
			shell.sees(c.says)
			if gone := !strings.Contains(left(), "lab"); gone != c.gone {
				t.Errorf("the group is gone: %v", gone)
			}
		})
		if !c.gone {
			shell.sees("exit 1")
		}
	}
}

func TestOneWayToNameADevice(t *testing.T) {
	device := func(id byte, user, name string) groupcast.Device {
		return groupcast.Device{ID: protocol.DeviceID{id}, User: user, Name: name}
	}
	all := []groupcast.Device{
		device(1, "ann", "pc"),
		device(2, "bob", "pc"),
		device(3, "bob", "lap"),
		device(4, "eve", ""),
	}
	for which, want := range map[string]struct {
		id   byte
		code groupcast.Code
	}{
		"ann/pc": {1, ""}, "bob/pc": {2, ""}, "lap": {3, ""}, all[1].ID.String(): {2, ""},
		"pc": {0, groupcast.EInvalid}, "ann/lap": {0, groupcast.ENotFound}, "": {0, groupcast.ENotFound},
		"eve/": {0, groupcast.ENotFound},
	} {
		t.Run(which, func(t *testing.T) {
			d, err := namedDevice(all, which)
			if want.code != "" && groupcast.ErrorCode(err) != want.code ||
				want.code == "" && (err != nil || d.ID != protocol.DeviceID{want.id}) {
				t.Errorf("%+v, %v", d, err)
			}
		})
	}
}
