// Package values turns values into those that tables have, and what tables say into errors.
package values

import (
	"database/sql"
	"errors"
	"time"

	"github.com/groupcast/groupcast"
)

// Micros is how tables have a time: microseconds since 1970, 0 for none.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Instant is the time that Micros wrote.
func Instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// NotFound is the error for what is not there.
func NotFound(what string, name any) error {
	return groupcast.Errorf(groupcast.ENotFound, "no %s %v", what, name)
}

// Missing turns "no row" into ENotFound and leaves any other error.
func Missing(err error, what string, name any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return NotFound(what, name)
	}
	return err
}

// Touched is Missing for statements that say how many rows they changed.
func Touched(n int64, err error, what string, name any) error {
	if err == nil && n == 0 {
		return NotFound(what, name)
	}
	return err
}
