package delivery

import (
	"fmt"
	"testing"
	"time"
)

func TestLongTurnsLeaveTimeForOthers(t *testing.T) {
	for cost, want := range map[time.Duration]time.Duration{
		0: 0, 20 * time.Microsecond: 0, 2 * time.Millisecond: 8 * time.Millisecond, time.Second: mostRest,
	} {
		t.Run(fmt.Sprint(cost), func(t *testing.T) {
			if got := restAfter(cost); got != want {
				t.Errorf("after a turn of %v it rests for %v, want %v", cost, got, want)
			}
		})
	}
}
