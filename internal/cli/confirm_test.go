package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/terminal"
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

func TestSureWithoutATerminal(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags []string
		asked bool
	}{{"without a word", nil, true}, {"with --yes", []string{"--yes"}, false}, {"with -y", []string{"-y"}, false}} {
		t.Run(c.name, func(t *testing.T) {
			var errs bytes.Buffer
			a := &app{Streams: terminal.Streams{In: strings.NewReader("yes\n"), Out: &errs, Err: &errs}}
			cmd := asksFirst(&cobra.Command{Use: "x"})
			if err := cmd.ParseFlags(c.flags); err != nil {
				t.Fatal(err)
			}
			err := a.sure(cmd, "This deletes %s", "a\x1b[31m")
			var usage usageError
			if errors.As(err, &usage) != c.asked {
				t.Fatalf("%v", err)
			}
			if c.asked && (!strings.Contains(err.Error(), "give --yes") || strings.Contains(err.Error(), "\x1b")) {
				t.Errorf("%q", err)
			}
		})
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

func TestWhatWasMeant(t *testing.T) {
	for _, c := range []struct {
		a, b string
		far  int
	}{{"", "", 0}, {"json", "jsn", 1}, {"jsn", "json", 1}, {"yes", "yse", 2}, {"keep", "", 4}, {"abc", "xyz", 3}} {
		t.Run(c.a+" "+c.b, func(t *testing.T) {
			if got := distance(c.a, c.b); got != c.far {
				t.Errorf("%d, want %d", got, c.far)
			}
		})
	}
}
