package delivery

import "testing"

func TestNumbersAreReadable(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 51000: "51,000", 1234567: "1,234,567"} {
		if got := readable(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
