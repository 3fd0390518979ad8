package menu

import (
	"fmt"

	"github.com/groupcast/groupcast"
)

// Chips are how many devices of a transfer stand how, as far as its own counts tell, a few words each.
func Chips(t groupcast.Transfer) []string {
	var out []string
	for _, c := range []struct {
		n    int
		text string
	}{{t.Verified, "have it"}, {t.Owed, "lack it"}, {t.Incomplete, "incomplete"}, {t.Failed, "failed"}} {
		if c.n > 0 {
			out = append(out, fmt.Sprintf("%d %s", c.n, c.text))
		}
	}
	return out
}
