package protocol

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
)

func TestMergeRanges(t *testing.T) {
	for _, c := range []struct {
		in, want []Range
		fault    RangesFault
	}{
		{nil, nil, ""},
		{[]Range{{0, 10}}, []Range{{0, 10}}, ""},
		{[]Range{{0, 2}, {2, 3}, {6, 1}, {7, 3}}, []Range{{0, 5}, {6, 4}}, ""},
		{[]Range{{0, 5}, {4, 1}}, nil, RangesOrder},
		{[]Range{{0, 5}, {0, 5}}, nil, RangesOrder},
		{[]Range{{4, 1}, {0, 1}}, nil, RangesOrder},
		{[]Range{{0, 0}}, nil, RangesOrder},
		{[]Range{{9, 2}}, nil, RangesOutside},
		{[]Range{{math.MaxUint32, math.MaxUint32}}, nil, RangesOutside},
		{slices.Repeat([]Range{{0, 10}}, MaxNACKRanges+1), nil, RangesMany},
	} {
		t.Run(fmt.Sprint(c.fault), func(t *testing.T) {
			got, err := MergeRanges(c.in, 10)
			var e *RangesError
			if (err != nil) != (c.fault != "") || errors.As(err, &e) && e.Fault != c.fault || !slices.Equal(got, c.want) {
				t.Errorf("%v: %v, %v", c.in[:min(len(c.in), 4)], got, err)
			}
		})
	}
}

func FuzzMergeRanges(f *testing.F) {
	f.Add(uint32(0), uint32(3), uint32(3), uint32(4), uint16(9))
	f.Fuzz(func(t *testing.T, a, b, c, d uint32, blocks uint16) {
		got, err := MergeRanges([]Range{{BlockNumber(a), b}, {BlockNumber(c), d}}, int(blocks))
		if err != nil {
			return
		}
		sum, end := uint64(0), uint64(0)
		for i, r := range got {
			if i > 0 && uint64(r.First) <= end || r.Count == 0 {
				t.Fatalf("%v", got)
			}
			sum, end = sum+uint64(r.Count), uint64(r.First)+uint64(r.Count)
		}
		if end > uint64(blocks) || sum != uint64(b)+uint64(d) {
			t.Fatalf("%v of %d", got, blocks)
		}
	})
}
