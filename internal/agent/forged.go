package agent

import (
	"fmt"

	"github.com/groupcast/groupcast/internal/agent/loop"
)

// tellForged says once in a session that a member of the group forges packets.
func (s *side) tellForged() {
	n := s.session.Status().Forged
	if n == 0 || s.told {
		return
	}
	s.told = true
	t := s.transfer
	t.agent.say(Line{
		Kind: "forged", Group: t.group.Name, Transfer: t.offer.Transfer, Of: t.offer.Bytes, Forging: loop.Forging(n),
		Text: fmt.Sprintf("%s: a member of the group forges packets; which one cannot be determined. "+
			"What comes wrong is put right, nothing wrong is written", t.group.Name),
	})
}
