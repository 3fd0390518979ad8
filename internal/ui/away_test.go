package ui

import (
	"fmt"
	"testing"

	"github.com/groupcast/groupcast"
)

func off(device string) groupcast.Delivery {
	return groupcast.Delivery{Device: device, User: "mia", State: groupcast.DeliveryQueued}
}

func TestWhoIsAway(t *testing.T) {
	done := groupcast.Delivery{Device: "a", State: groupcast.DeliveryVerified}
	full := groupcast.Delivery{Device: "b", State: groupcast.DeliveryRefused, Active: true}
	slow := groupcast.Delivery{Device: "c", State: groupcast.DeliveryReceiving, Active: true}
	for name, c := range map[string]struct {
		all  []groupcast.Delivery
		want int
	}{
		"nobody":                  {nil, 0},
		"all have it":             {[]groupcast.Delivery{done}, 0},
		"one is off":              {[]groupcast.Delivery{done, off("x")}, 1},
		"two, one has no device":  {[]groupcast.Delivery{off(""), done, off("x")}, 2},
		"one connected is full":   {[]groupcast.Delivery{off("x"), full}, 0},
		"one connected takes it":  {[]groupcast.Delivery{slow, off("x")}, 0},
		"one failed, one is off ": {[]groupcast.Delivery{off("x"), {State: groupcast.DeliveryFailed}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Away(c.all); len(got) != c.want {
				t.Errorf("%d away, want %d", len(got), c.want)
			}
		})
	}
}

func TestAwayInWords(t *testing.T) {
	var many []groupcast.Delivery
	for i := range 8 {
		many = append(many, off(fmt.Sprintf("pc-%d", i)))
	}
	for want, away := range map[string][]groupcast.Delivery{
		"pc-0 is off and gets it when it is back":                                       many[:1],
		"mia (no device yet) is off and gets it when it is back":                        {off("")},
		"pc-0 and pc-1 are off and get it when they are back":                           many[:2],
		"pc-0, pc-1, pc-2, pc-3, pc-4 and 3 more are off and get it when they are back": many,
		"a\\u{1b}[31m is off and gets it when it is back":                               {off("a\x1b[31m")},
	} {
		t.Run(want, func(t *testing.T) {
			if got := AwayInWords(away); got != want {
				t.Errorf("%q", got)
			}
		})
	}
}
