package groupcast_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

var releaseHeading = regexp.MustCompile(`(?m)^## (.*)$`)

// TestTheChangelogIsByRelease: the topmost section is the one that the program names, and each below
// it is of a release with its date.
func TestTheChangelogIsByRelease(t *testing.T) {
	text, err := os.ReadFile("CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	next, _ := strings.CutSuffix(groupcast.Version, "-dev")
	for i, heading := range releaseHeading.FindAllStringSubmatch(string(text), -1) {
		if i == 0 && next != groupcast.Version {
			if want := next + " (not released yet)"; heading[1] != want {
				t.Errorf("the topmost section is %q, not %q as groupcast.go has it", heading[1], want)
			}
			continue
		}
		if !regexp.MustCompile(`^\d+\.\d+\.\d+ \(\d{4}-\d{2}-\d{2}\)$`).MatchString(heading[1]) {
			t.Errorf("the section %q is not `MAJOR.MINOR.PATCH (YEAR-MONTH-DAY)`", heading[1])
		}
	}
}
