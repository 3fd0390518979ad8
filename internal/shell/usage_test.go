package shell

import "testing"

func TestWhatWasMeant(t *testing.T) {
	for _, c := range []struct {
		a, b string
		far  int
	}{{"", "", 0}, {"json", "jsn", 1}, {"jsn", "json", 1}, {"yes", "yse", 2}, {"keep", "", 4}, {"abc", "xyz", 3}} {
		t.Run(c.a+" "+c.b, func(t *testing.T) {
			if got := distance(c.a, c.b); got != c.far {
				t.Errorf("%d, want %d", got, c.far)
			}
		})
	}
}
