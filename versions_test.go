package groupcast_test

import (
	"fmt"
	"testing"

	"github.com/groupcast/groupcast"
)

func TestVersionsAreJudged(t *testing.T) {
	speaks := func(least, most int) groupcast.Speaks {
		return groupcast.Speaks{
			Control: groupcast.Versions{Least: 1, Most: 1}, Wire: groupcast.Versions{Least: least, Most: most},
		}
	}
	for _, c := range []struct {
		own, other groupcast.Speaks
		want       groupcast.Fit
	}{
		{groupcast.Spoken(), groupcast.Spoken(), groupcast.Fits},
		{groupcast.Spoken(), groupcast.Speaks{}, groupcast.Fits}, // the first release said nothing
		{speaks(1, 2), groupcast.Speaks{}, groupcast.Fits},
		{speaks(2, 3), groupcast.Speaks{}, groupcast.TooOld},
		{speaks(2, 3), speaks(1, 2), groupcast.Fits},
		{speaks(2, 3), speaks(3, 9), groupcast.Fits},
		{speaks(2, 3), speaks(4, 9), groupcast.TooNew},
		{groupcast.Speaks{}, speaks(2, 2), groupcast.TooNew},
		{groupcast.Speaks{Control: groupcast.Versions{Least: 2, Most: 2}}, groupcast.Spoken(), groupcast.TooOld},
	} {
		t.Run(fmt.Sprintf("%+v of %+v", c.other, c.own), func(t *testing.T) {
			if got := c.own.Judge(c.other); got != c.want {
				t.Errorf("%+v of %+v: %d, want %d", c.other, c.own, got, c.want)
			}
		})
	}
}
