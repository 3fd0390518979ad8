package agent

import (
	"fmt"

	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/receiver"
)

// tellForged says once in a session that a member of the group forges packets.
func (s *side) tellForged(r *receiver.Receiver) {
	n := r.Status().Forged
	if n == 0 || s.told {
		return
	}
	s.told = true
	t := s.transfer
	t.agent.say(Line{
		Kind: "forged", Group: t.group.Name, Transfer: t.offer.Transfer, Of: t.offer.TotalBytes, Forging: loop.Forging(n),
		Text: fmt.Sprintf("%s: a member of the group forges packets; which one cannot be determined. "+
			"What comes wrong is put right, nothing wrong is written", t.group.Name),
	})
}
