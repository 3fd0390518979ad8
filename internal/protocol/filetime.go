package protocol

import (
	"math"
	"time"
)

// A file's time is one number: nanoseconds since 1970 for the years 1677 to 2262. Beyond
// ±coarseFrom the number continues in whole seconds, up to the years 1 and 9999, which is as far
// as JSON and people write dates: a reader that takes all of it for nanoseconds sees the year
// 1677 or 2262.
const (
	coarseFrom   = coarseSecond * 1_000_000_000
	coarseSecond = (math.MaxInt64 - 1<<52) / 1_000_000_000
)

var (
	firstSecond = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	lastSecond  = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).Unix()
)

// FileTime is a file's time as manifests and ledgers keep it: the nearest there is.
func FileTime(t time.Time) int64 {
	switch s := min(max(t.Unix(), firstSecond), lastSecond); {
	case s >= coarseSecond:
		return coarseFrom + s - coarseSecond
	case s < -coarseSecond:
		return -coarseFrom + s + coarseSecond
	}
	return t.UnixNano()
}

// TimeOf reads what FileTime gave; it is safe for any number.
func TimeOf(n int64) time.Time {
	switch {
	case n >= coarseFrom:
		return time.Unix(min(n-coarseFrom+coarseSecond, lastSecond), 0)
	case n < -coarseFrom:
		return time.Unix(max(n+coarseFrom-coarseSecond, firstSecond), 0)
	}
	return time.Unix(0, n)
}

// IsCoarse says whether a file's time is outside of the years that are kept exactly.
func IsCoarse(n int64) bool { return n >= coarseFrom || n < -coarseFrom }
