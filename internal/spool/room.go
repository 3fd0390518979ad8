package spool

import (
	"github.com/groupcast/groupcast/internal/spool/room"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// Works says whether the disk takes anything: nil, or a *DiskError.
func (s *Spool) Works() error {
	if err := s.probe(); err != nil {
		return trouble.Disk(err)
	}
	return nil
}

// Room says whether so many bytes more fit beside what other transfers will take: nil, or a
// *Refused.
func (s *Spool) Room(need uint64) error { return s.room(need, s.cfg.Shared.Promised()) }

// room holds what is still to come against the free space; others is how much of that is
// promised to other transfers.
func (s *Spool) room(need, others uint64) error {
	return room.Check(s.fs, s.cfg.Dir, s.cfg.Reserve, need, others)
}

// Hindrance sorts an error that came from the disk: a *DiskError or *Refused inside it, or a *DiskError made of what
// the system answered; nil for an error that does not say that the disk is at fault.
func Hindrance(err error) error { return trouble.Hindrance(err) }
