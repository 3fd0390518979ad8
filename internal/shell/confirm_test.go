package shell

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast/internal/terminal"
)

func TestSureWithoutATerminal(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags []string
		asked bool
	}{{"without a word", nil, true}, {"with --yes", []string{"--yes"}, false}, {"with -y", []string{"-y"}, false}} {
		t.Run(c.name, func(t *testing.T) {
			var errs bytes.Buffer
			s := &terminal.Streams{In: strings.NewReader("yes\n"), Out: &errs, Err: &errs}
			cmd := AsksFirst(&cobra.Command{Use: "x"})
			if err := cmd.ParseFlags(c.flags); err != nil {
				t.Fatal(err)
			}
			err := Sure(s, cmd, "This deletes %s", "a\x1b[31m")
			var usage UsageError
			if errors.As(err, &usage) != c.asked {
				t.Fatalf("%v", err)
			}
			if c.asked && (!strings.Contains(err.Error(), "give --yes") || strings.Contains(err.Error(), "\x1b")) {
				t.Errorf("%q", err)
			}
		})
	}
}
