package loop

import (
	"testing"

	"github.com/groupcast/groupcast"
)

// Two groups never share a folder, on file systems that drop dots at the end of a name, either.
func TestGroupsThatWouldShareAFolder(t *testing.T) {
	all := []groupcast.AgentGroup{
		{Name: "lab.."}, {Name: "lab"}, {Name: "lab."}, {Name: "other."}, {Name: "lab.a"}, {Name: "Lab"},
	}
	for i, want := range []string{"lab", "", "lab", "", "", ""} {
		if other, taken := twin(all[i], all); other != want || taken != (want != "") {
			t.Errorf("%s: %q, %v", all[i].Name, other, taken)
		}
	}
}
