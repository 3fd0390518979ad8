// Package lacks keeps the long lists of blocks that devices say they lack of paged transfers, between the call that
// brings one and the answer to an offer that names it. A list is kept as few ranges: those that lie close together
// become one, and what lies between them is sent, too.
package lacks

import (
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	mostKept = 1024             // lists, of all devices: 32 KiB each at most
	rest     = 10 * time.Second // from one list of a device about a transfer to the next
)

type key struct {
	no  protocol.TransferNo
	dev protocol.DeviceID
}

type list struct {
	at     time.Time
	digest protocol.Digest
	ranges []protocol.Range
}

// Lists are the lists that are known. It is safe for concurrent use.
type Lists struct {
	mu  sync.Mutex
	all map[key]list
}

// New knows of no list.
func New() *Lists { return &Lists{all: map[key]list{}} }

// Keep reads a list of a device about a transfer of so many blocks; it replaces the one before.
func (l *Lists) Keep(
	now time.Time, no protocol.TransferNo, dev protocol.DeviceID, raw []byte, blocks int,
) error {
	if err := l.begin(now, key{no, dev}); err != nil {
		return err
	}
	set, err := format2.ParseLacks(raw, blocks)
	if err != nil {
		return groupcast.Errorf(groupcast.EInvalid, "this is no list of blocks of the transfer: %v", err).
			WithHint("it is written as docs/format-2.md says").Wrap(err)
	}
	ranges := coarse(set)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[key{no, dev}] = list{at: now, digest: format2.LacksDigest(raw), ranges: ranges}
	return nil
}

// begin makes room for a list, and refuses one that comes too soon after another.
func (l *Lists) begin(now time.Time, k key) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before, ok := l.all[k]; ok && now.Sub(before.at) < rest {
		e := groupcast.Errorf(groupcast.EExhausted, "the device sent such a list just now").
			WithHint("the receiver tries again by itself")
		e.After = rest - now.Sub(before.at)
		return e
	}
	if _, ok := l.all[k]; !ok && len(l.all) >= mostKept {
		l.forgetOldest()
	}
	l.all[k] = list{at: now}
	return nil
}

// forgetOldest makes room; who finds its list forgotten is asked for it again.
func (l *Lists) forgetOldest() {
	var oldest key
	var at time.Time
	for k, v := range l.all {
		if at.IsZero() || v.at.Before(at) {
			oldest, at = k, v.at
		}
	}
	delete(l.all, oldest)
}

// Of gives the list with a digest that a device sent, if it is known.
func (l *Lists) Of(no protocol.TransferNo, dev protocol.DeviceID, digest protocol.Digest) ([]protocol.Range, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok := l.all[key{no, dev}]
	return v.ranges, ok && v.digest == digest
}

// coarse gives a set as protocol.MaxNACKRanges ranges at most.
func coarse(set *protocol.BlockSet) []protocol.Range {
	for gap := uint64(0); ; gap = max(1, 2*gap) {
		if ranges, fit := joined(set, gap); fit {
			return ranges
		}
	}
}

// joined gives a set as ranges, those with at most so many blocks between them as one; fit says that they are few.
func joined(set *protocol.BlockSet, gap uint64) (ranges []protocol.Range, fit bool) {
	for at := protocol.BlockNumber(0); ; {
		first, ok := set.Next(at)
		if !ok {
			return ranges, true
		}
		end, ok := set.NextMissing(first)
		if !ok {
			end = protocol.BlockNumber(set.Len())
		}
		if n := len(ranges); n > 0 && uint64(first-at) <= gap {
			ranges[n-1].Count += uint32(end - at)
		} else {
			if n == protocol.MaxNACKRanges {
				return nil, false
			}
			ranges = append(ranges, protocol.Range{First: first, Count: uint32(end - first)})
		}
		at = end
	}
}
