package agent

import (
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/receiver"
)

// tellForged says once in a session that a member of the group forges packets.
func (s *side) tellForged(r *receiver.Receiver) {
	n := r.Status().Forged
	if n == 0 || s.told {
		return
	}
	s.told = true
	j := s.job
	j.agent.say(Line{
		Kind: "forged", Group: j.group.Name, Transfer: j.offer.Transfer, Of: j.offer.TotalBytes, Forging: forging(n),
		Text: fmt.Sprintf("%s: a member of the group forges packets; who it is cannot be told. "+
			"What comes wrong is put right, nothing wrong is written", j.group.Name),
	})
}

// forging is what this device knows of it: blocks that came with a wrong digest.
func forging(blocks int) *groupcast.Forging {
	if blocks == 0 {
		return nil
	}
	return &groupcast.Forging{Code: groupcast.MemberForges, Devices: 1, Blocks: blocks}
}
