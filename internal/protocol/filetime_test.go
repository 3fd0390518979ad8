package protocol

import (
	"fmt"
	"math"
	"testing"
	"time"
)

func TestFileTimes(t *testing.T) {
	at := func(year int) time.Time { return time.Date(year, 3, 4, 5, 6, 7, 0, time.UTC) }
	for _, c := range []struct {
		t, want time.Time
		coarse  bool
	}{
		{t: at(2026).Add(123456789), want: at(2026).Add(123456789)},
		{t: at(1970).Add(-1), want: at(1970).Add(-1)},
		{t: at(1678), want: at(1678)},
		{t: at(2261), want: at(2261)},
		{t: at(2300), want: at(2300), coarse: true},
		{t: at(1601), want: at(1601), coarse: true},
		{t: at(2446).Add(5), want: at(2446), coarse: true},
		{t: at(1), want: at(1), coarse: true},
		{t: at(9998), want: at(9998), coarse: true},
		{t: at(200_000), want: time.Unix(lastSecond, 0), coarse: true},
		{t: at(-5000), want: time.Unix(firstSecond, 0), coarse: true},
		{t: time.Unix(math.MaxInt64, 0), want: time.Unix(lastSecond, 0), coarse: true},
		{t: time.Unix(math.MinInt64, 0), want: time.Unix(firstSecond, 0), coarse: true},
		{t: time.Unix(coarseSecond, 7), want: time.Unix(coarseSecond, 0), coarse: true},
		{t: time.Unix(coarseSecond-1, 7), want: time.Unix(coarseSecond-1, 7)},
		{t: time.Unix(-coarseSecond, 7), want: time.Unix(-coarseSecond, 7)},
		{t: time.Unix(-coarseSecond-1, 7), want: time.Unix(-coarseSecond-1, 0), coarse: true},
	} {
		t.Run(fmt.Sprint(c.t, " ", c.want, " ", c.coarse), func(t *testing.T) {
			n := FileTime(c.t)
			if got := TimeOf(n); !got.Equal(c.want) || IsCoarse(n) != c.coarse {
				t.Errorf("%v is kept as %d: %v, coarse %v", c.t, n, got.UTC(), IsCoarse(n))
			}
		})
	}
}

// Any number that a stranger writes is a time that can be set, written and shown, and later
// numbers are later times.
func TestAnyNumberIsAFileTime(t *testing.T) {
	numbers := []int64{
		math.MinInt64, math.MinInt64 + 1, -coarseFrom - 1, -coarseFrom, -1, 0, 1, coarseFrom - 1, coarseFrom,
		math.MaxInt64 - 1, math.MaxInt64,
	}
	for i, n := range numbers {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			at := TimeOf(n)
			if _, err := at.UTC().MarshalJSON(); err != nil {
				t.Errorf("%d: %v", n, err)
			}
			if i > 0 && at.Before(TimeOf(numbers[i-1])) {
				t.Errorf("%d is an earlier time than %d", n, numbers[i-1])
			}
			if again := TimeOf(FileTime(at)); !again.Equal(at) {
				t.Errorf("%d: %v becomes %v", n, at, again)
			}
		})
	}
}
