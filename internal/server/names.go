package server

import (
	"regexp"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
)

// names of users and groups: also path components and parts of URLs.
var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

func checkName(what, name string) error {
	if namePattern.MatchString(name) {
		return nil
	}
	return groupcast.Errorf(groupcast.EInvalid, "%q cannot be the name of a %s", name, what).
		WithHint("use small letters, digits, '.', '_' and '-', a letter or digit first, 63 at most")
}

// checkGroupName refuses what receivers cannot have as a folder, too: "lab." is "lab" on
// Windows.
func checkGroupName(name string) error {
	if err := checkName("group", name); err != nil {
		return err
	}
	if err := manifest.CheckPathOn("windows", name); err != nil {
		return groupcast.Errorf(groupcast.EInvalid,
			"%q cannot be the name of a group: its files lie in a folder of that name, and %s", name, err).
			WithHint("choose another name")
	}
	return nil
}
