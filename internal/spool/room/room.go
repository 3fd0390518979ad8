// Package room says whether a disk works, and whether what is to come fits beside what is kept free and promised.
package room

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/trouble"
	"github.com/groupcast/groupcast/internal/units"
)

const (
	defaultSpare = 1 << 30
	probeBytes   = 4096
)

// Spare is what a reserve keeps free of a disk of so many bytes: 0 is the larger of 1 GiB and 5 %, negative nothing.
func Spare(reserve int64, size uint64) uint64 {
	if reserve == 0 {
		return max(defaultSpare, size/20)
	}
	return uint64(max(reserve, 0))
}

// Takes holds the size of a transfer against the most that is taken; 0: there is no bound. It is nil, or a
// *trouble.Refused.
func Takes(total, most uint64) error {
	if most == 0 || total <= most {
		return nil
	}
	return &trouble.Refused{
		Kind:   groupcast.RefusedSize,
		Reason: fmt.Sprintf("%s in all, this receiver takes %s at most", units.FormatSize(total), units.FormatSize(most)),
	}
}

// Check holds what is still to come against the free space; others is how much of that is promised to other
// transfers. It is nil, or a *trouble.Refused.
func Check(f diskfs.FS, dir string, reserve int64, need, others uint64) error {
	free, size, err := f.Free()
	if err != nil {
		return fmt.Errorf("free space of %s: %w", dir, err)
	}
	spare := Spare(reserve, size)
	if need == 0 || free >= spare && free-spare >= others && free-spare-others >= need {
		return nil
	}
	write := units.FormatSize
	why := fmt.Sprintf("no space: needs %s, has %s free and keeps %s of it", write(need), write(free), write(spare))
	if others > 0 {
		why += fmt.Sprintf("; other transfers will take %s", write(others))
	}
	return &trouble.Refused{Kind: groupcast.RefusedSpace, Reason: why, Need: need, Space: &groupcast.Space{
		Needed: need, Free: free, Kept: spare, Others: others,
	}}
}

// Probe writes a small file durably and removes it again: the answer for the disk as a whole. One caller at a time
// uses a name.
func Probe(f diskfs.FS, name string) error {
	if err := f.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	h, err := f.Create(name, 0o600)
	if err != nil {
		return err
	}
	_, err = h.WriteAt(make([]byte, probeBytes), 0)
	if err == nil {
		err = h.Sync()
	}
	return errors.Join(err, h.Close(), f.Remove(name))
}
