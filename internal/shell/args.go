package shell

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	exactly = regexp.MustCompile(`^accepts (\d+) arg\(s\), received (\d+)$`)
	atLeast = regexp.MustCompile(`^requires at least (\d+) arg\(s\), only received (\d+)$`)
	atMost  = regexp.MustCompile(`^accepts at most (\d+) arg\(s\), received (\d+)$`)
	between = regexp.MustCompile(`^accepts between (\d+) and (\d+) arg\(s\), received (\d+)$`)
	none    = regexp.MustCompile(`^unknown command (".*") for ".*"$`)
)

// argsWrong says in words what cobra says of the number of arguments.
func argsWrong(err error) error {
	said := err.Error()
	for _, c := range []struct {
		form *regexp.Regexp
		say  string
	}{
		{exactly, "wrong number of arguments: $1 needed, $2 given"},
		{atLeast, "too few arguments: at least $1 needed, $2 given"},
		{atMost, "too many arguments: at most $1 possible, $2 given"},
		{between, "wrong number of arguments: $1 to $2 possible, $3 given"},
		{none, "it takes no argument: $1 given"},
	} {
		if c.form.MatchString(said) {
			return fmt.Errorf("%s", c.form.ReplaceAllString(said, c.say))
		}
	}
	return err
}

// listedBy gives the command that lists what was not found; empty if none does.
func listedBy(message string) string {
	rest, ok := strings.CutPrefix(message, "no ")
	if !ok {
		return ""
	}
	what, _, _ := strings.Cut(rest, " ")
	list, ok := map[string]string{
		"group": "group list", "user": "user list", "transfer": "transfer list", "device": "device list",
		"request": "request list", "upload": "upload list", "site": "site list", "relay": "relay list",
	}[what]
	if !ok {
		return ""
	}
	text := "`groupcast " + list + "` shows them"
	if what == "group" {
		text += " to administrators, `groupcast groups` to receivers"
	}
	return text
}
