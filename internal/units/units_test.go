package units

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

func TestRates(t *testing.T) {
	for text, want := range map[string]uint64{
		"100M": 100e6, "1G": 1e9, "1.5G": 1.5e9, "800k": 800e3, "10000": 10000, " 100 Mbit/s ": 100e6, "100mbps": 100e6,
		"100Mbit": 100e6, "auto": 0, "0": 0, "1T": 1e12,
	} {
		t.Run(text, func(t *testing.T) {
			if got, err := ParseRate(text); err != nil || got != want {
				t.Errorf("%q: %d, %v", text, got, err)
			}
		})
	}
	for _, text := range []string{
		"", "M", "-1M", "1e9", "0x10M", "inf", "nan", "1M1", "100MB/s", "1", "2T", "1.2.3M", "999999999999999999999",
	} {
		t.Run(text, func(t *testing.T) {
			if got, err := ParseRate(text); groupcast.ErrorCode(err) != groupcast.EInvalid || err == nil {
				t.Errorf("%q: %d, %v", text, got, err)
			}
		})
	}
	for bits, want := range map[uint64]string{
		0: "auto", 100e6: "100 Mbit/s", 12_345_678: "12.3 Mbit/s", 1.5e9: "1.5 Gbit/s", 999_999_999: "1 Gbit/s",
		9_999_000: "10 Mbit/s", 99_960_000: "100 Mbit/s",
	} {
		t.Run(fmt.Sprint(bits), func(t *testing.T) {
			if got := FormatRate(bits); got != want {
				t.Errorf("%d: %q", bits, got)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]uint64{
		"0": 0, "1500": 1500, "10M": 10e6, "2.5GB": 2.5e9, "4GiB": 4 << 30, "1kib": 1024, "7b": 7,
	} {
		t.Run(text, func(t *testing.T) {
			if got, err := ParseSize(text); err != nil || got != want {
				t.Errorf("%q: %d, %v", text, got, err)
			}
		})
	}
	for _, text := range []string{"", "B", "-1", "1X", "99999999T", "1 0"} {
		t.Run(text, func(t *testing.T) {
			if got, err := ParseSize(text); err == nil {
				t.Errorf("%q: %d", text, got)
			}
		})
	}
	for n, want := range map[uint64]string{
		0: "0 B", 999: "999 B", 1000: "1 kB", 268_435_456: "268 MB", 1 << 63: "9.22 EB",
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			if got := FormatSize(n); got != want {
				t.Errorf("%d: %q", n, got)
			}
		})
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30d": 30 * day, "2w": 14 * day, "1d12h": 36 * time.Hour, "1w1d1h1m1s": 8*day + time.Hour + time.Minute + time.Second,
		"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "0s": 0, "250ms": 250 * time.Millisecond,
	} {
		t.Run(text, func(t *testing.T) {
			if got, err := ParseDuration(text); err != nil || got != want {
				t.Errorf("%q: %v, %v", text, got, err)
			}
		})
	}
	for _, text := range []string{"", "d", "-1d", "1.5d", "1d-1h", "99999999999d", "5", "1h1d", "1d1w", "forever"} {
		t.Run(text, func(t *testing.T) {
			if got, err := ParseDuration(text); groupcast.ErrorCode(err) != groupcast.EInvalid || err == nil {
				t.Errorf("%q: %v, %v", text, got, err)
			}
		})
	}
	for d, want := range map[time.Duration]string{
		30 * day: "30d", 36 * time.Hour: "1d12h", 90 * time.Second: "1m30s", time.Hour: "1h", 1500 * time.Microsecond: "2ms",
		59*time.Second + 600*time.Millisecond: "1m", -time.Minute: "-1m", 0: "0s",
	} {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			if got := FormatDuration(d); got != want {
				t.Errorf("%v: %q", d, got)
			}
		})
	}
}

// What is printed can be typed again, and means about the same.
func FuzzUnits(f *testing.F) {
	for _, s := range []string{"100M", "1.5G", "30d", "4GiB", "1w2d3h4m5s", "auto"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := ParseRate(text); err == nil {
			again, err := ParseRate(FormatRate(n))
			if err != nil || float64(again) < 0.98*float64(n) || float64(again) > 1.02*float64(n) {
				t.Errorf("%q: %d, again %d, %v", text, n, again, err)
			}
		}
		if n, err := ParseDuration(text); err == nil && (n < 0 || n > MaxDuration) {
			t.Errorf("%q: %v", text, n)
		}
		if n, err := ParseSize(text); err == nil && n > 1<<63 {
			t.Errorf("%q: %d", text, n)
		}
	})
}
