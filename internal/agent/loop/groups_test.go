package loop

import (
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Two groups never share a folder, on file systems that drop dots at the end of a name, either.
func TestGroupsThatWouldShareAFolder(t *testing.T) {
	all := []groupcast.AgentGroup{
		{Name: "lab.."}, {Name: "lab"}, {Name: "lab."}, {Name: "other."}, {Name: "lab.a"}, {Name: "Lab"},
	}
	for i, want := range []string{"lab", "", "lab", "", "", ""} {
		t.Run(all[i].Name, func(t *testing.T) {
			if other, taken := twin(all[i], all); other != want || taken != (want != "") {
				t.Errorf("%q, %v", other, taken)
			}
		})
	}
}

// TestOffersOfGroupsThatAreLeftOut: the server is told why nothing of them is taken, in one word.
func TestOffersOfGroupsThatAreLeftOut(t *testing.T) {
	for _, name := range []string{"..", "../lab", "", "twin."} {
		t.Run(name, func(t *testing.T) {
			b := connected(t)
			left := groupcast.AgentGroup{ID: lab.ID, Name: name, Address: lab.Address}
			b.setGroups([]groupcast.AgentGroup{left, {ID: protocol.GroupID{9}, Name: "twin", Address: lab.Address}})
			b.Take()
			b.take(b.now, offered(1, 5))
			b.wants("an offer of "+name, "Refuse 1 names")
		})
	}
}
