package diskfs

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// A file system that refuses years it cannot hold gets the nearest that any holds; another
// error stays what it is.
func TestNearestTime(t *testing.T) {
	refused := errors.New("refused")
	at := func(year int) time.Time { return time.Date(year, 5, 1, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		year, first, last, want int // first and last year that is held
	}{
		{2026, 1980, 2107, 2026},
		{1601, 1980, 2107, 1980},
		{2300, 1980, 2107, 2107},
		{2300, 1901, 2446, 2300},
		{2026, 1, 0, 0},
	} {
		t.Run(fmt.Sprint(c.year, " ", c.first, " ", c.last), func(t *testing.T) {
			set := 0
			err := nearest(at(c.year), func(t time.Time) error {
				if y := t.Year(); y < c.first || y > c.last {
					return refused
				}
				set = t.Year()
				return nil
			})
			if set != c.want || (err == nil) != (c.want > 0) {
				t.Errorf("%+v: %d, %v", c, set, err)
			}
		})
	}
}
