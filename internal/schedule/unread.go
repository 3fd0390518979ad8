package schedule

import (
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Unread says whether the files of a transfer have to be read whole before it is offered: nothing of it is, until Read.
func (s *Scheduler) Unread(no protocol.TransferNo, unread bool) {
	if t := s.transfers[no]; t != nil {
		t.unread = unread
	}
}

// Read says that the files of a transfer are read.
func (s *Scheduler) Read(no protocol.TransferNo) {
	if t := s.transfers[no]; t != nil && t.unread {
		t.unread, t.now = false, true // devices have waited already
	}
}

// looking says whether a session that could begin waits for a device that compares its files: who lacks what is known
// only then, and what several lack goes out once.
func (s *Scheduler) looking(now time.Time, r *run) bool {
	if !now.Before(r.until.Add(groupcast.MostLooking)) {
		return false
	}
	for dev, d := range r.deliveries {
		if d.state == StateAsked && s.active[dev] && d.looks.at.Equal(d.since) && now.Before(d.looks.until) {
			return true
		}
	}
	return false
}
