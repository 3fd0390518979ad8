package spool

import (
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/spool/trouble"
	"github.com/groupcast/groupcast/internal/units"
)

// Works says whether the disk takes anything: nil, or a *DiskError.
func (s *Spool) Works() error {
	if err := s.probe(); err != nil {
		return trouble.Disk(err)
	}
	return nil
}

// Spare is what Config.Reserve keeps free of a disk of so many bytes.
func Spare(reserve int64, size uint64) uint64 {
	if reserve == 0 {
		return max(defaultSpare, size/20)
	}
	return uint64(max(reserve, 0))
}

// Room says whether so many bytes more fit beside what other transfers will take: nil, or a
// *Refused.
func (s *Spool) Room(need uint64) error { return s.room(need, s.cfg.Shared.Promised()) }

// room holds what is still to come against the free space; others is how much of that is
// promised to other transfers.
func (s *Spool) room(need, others uint64) error {
	free, size, err := s.fs.Free()
	if err != nil {
		return fmt.Errorf("free space of %s: %w", s.cfg.Dir, err)
	}
	spare := Spare(s.cfg.Reserve, size)
	if need == 0 || free >= spare && free-spare >= others && free-spare-others >= need {
		return nil
	}
	write := units.FormatSize
	why := fmt.Sprintf("no space: needs %s, has %s free and keeps %s of it", write(need), write(free), write(spare))
	if others > 0 {
		why += fmt.Sprintf("; other transfers will take %s", write(others))
	}
	return &Refused{Kind: groupcast.RefusedSpace, Reason: why, Need: need, Space: &groupcast.Space{
		Needed: need, Free: free, Kept: spare, Others: others,
	}}
}

// Hindrance sorts an error that came from the disk: a *DiskError or *Refused inside it, or a *DiskError made of what
// the system answered; nil for an error that does not say that the disk is at fault.
func Hindrance(err error) error { return trouble.Hindrance(err) }
