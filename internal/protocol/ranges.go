package protocol

import "fmt"

// RangesFault says what is wrong with a list of ranges.
type RangesFault string

// The faults.
const (
	RangesMany    RangesFault = "many"    // more than may be named
	RangesOrder   RangesFault = "order"   // not in order, overlapping, or empty
	RangesOutside RangesFault = "outside" // beyond the last block
)

// RangesError refuses a list of ranges from another machine.
type RangesError struct {
	Fault RangesFault
	Most  int // ranges or blocks that there may be
}

func (e *RangesError) Error() string {
	switch e.Fault {
	case RangesMany:
		return fmt.Sprintf("more than %d ranges of blocks", e.Most)
	case RangesOutside:
		return fmt.Sprintf("a range reaches beyond the last of %d blocks", e.Most)
	default:
		return "the ranges of blocks are not in order, or they overlap"
	}
}

// MergeRanges takes a list of ranges out of so many blocks as another machine sent it: at most
// MaxNACKRanges, in order, none empty and none over another. Those that touch become one. The result
// has each block once at most.
func MergeRanges(list []Range, blocks int) ([]Range, error) {
	if len(list) > MaxNACKRanges {
		return nil, &RangesError{RangesMany, MaxNACKRanges}
	}
	var out []Range
	end := uint64(0)
	for i, r := range list {
		switch {
		case r.Count == 0 || i > 0 && uint64(r.First) < end:
			return nil, &RangesError{Fault: RangesOrder}
		case uint64(r.First)+uint64(r.Count) > uint64(blocks):
			return nil, &RangesError{RangesOutside, blocks}
		}
		if i > 0 && uint64(r.First) == end {
			out[len(out)-1].Count += r.Count
		} else {
			out = append(out, r)
		}
		end = uint64(r.First) + uint64(r.Count)
	}
	return out, nil
}
