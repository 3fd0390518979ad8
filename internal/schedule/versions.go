package schedule

import (
	"slices"

	"github.com/groupcast/groupcast/internal/protocol"
)

// SamePaths says that of two open transfers one has every path of the other: no device works on both at once.
func (s *Scheduler) SamePaths(a, b protocol.TransferNo) {
	s.noteVersion(a, b)
	s.noteVersion(b, a)
}

func (s *Scheduler) noteVersion(no, other protocol.TransferNo) {
	if t := s.transfers[no]; t != nil && no != other && !slices.Contains(t.versions, other) {
		t.versions = append(t.versions, other)
	}
}

// occupied gives the transfer with the same paths that a device is at work on; 0: none.
func (s *Scheduler) occupied(t *transfer, dev protocol.DeviceID) protocol.TransferNo {
	for _, no := range t.versions {
		if _, d := s.deliveryOf(no, dev); d != nil {
			switch d.state {
			case StateAsked, StateMulticast, StateStored, StateHTTPS, StateSilent: // its offer stands
				return no
			default: // nothing of it is under way
			}
		}
	}
	return 0
}
