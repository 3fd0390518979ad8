package shell

import (
	"errors"
	"testing"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
)

func TestACommandSaysHowManyArgumentsItTakes(t *testing.T) {
	for _, c := range []struct {
		check cobra.PositionalArgs
		args  []string
		want  string
	}{
		{cobra.ExactArgs(2), []string{"a"}, "wrong number of arguments: 2 needed, 1 given"},
		{cobra.MinimumNArgs(2), []string{"a"}, "too few arguments: at least 2 needed, 1 given"},
		{cobra.MaximumNArgs(1), []string{"a", "b"}, "too many arguments: at most 1 possible, 2 given"},
		{cobra.RangeArgs(1, 2), nil, "wrong number of arguments: 1 to 2 possible, 0 given"},
		{cobra.NoArgs, []string{"x"}, `it takes no argument: "x" given`},
	} {
		t.Run(c.want, func(t *testing.T) {
			sub := &cobra.Command{Use: "audit", Run: func(*cobra.Command, []string) {}}
			(&cobra.Command{Use: "groupcast"}).AddCommand(sub)
			err := c.check(sub, c.args)
			if err == nil {
				t.Fatal("cobra takes it")
			}
			if got := argsWrong(err).Error(); got != c.want {
				t.Errorf("%q", got)
			}
		})
	}
	if other := errors.New("give a USER or a GROUP"); !errors.Is(argsWrong(other), other) {
		t.Error("our own words were changed")
	}
}

func TestWhatIsNotFoundIsListedSomewhere(t *testing.T) {
	for message, want := range map[string]string{
		"no transfer 99":   "`groupcast transfer list` shows them",
		"no group lba":     "`groupcast group list` shows them to administrators, `groupcast groups` to receivers",
		"no user bob":      "`groupcast user list` shows them",
		"no site depot":    "`groupcast site list` shows them",
		"no relay r; x":    "`groupcast relay list` shows them",
		"no such file: x":  "",
		"nothing is there": "",
	} {
		f := failureOf(groupcast.Errorf(groupcast.ENotFound, "%s", message), false)
		if f.Hint != want {
			t.Errorf("%s: next: %q, want %q", message, f.Hint, want)
		}
	}
	given := groupcast.Errorf(groupcast.ENotFound, "no group lba").WithHint("look twice")
	if f := failureOf(given, false); f.Hint != "look twice" {
		t.Errorf("the hint that was there became %q", f.Hint)
	}
}
