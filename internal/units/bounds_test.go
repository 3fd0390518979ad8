package units

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The longest and the shortest durations that there are can be written: the difference of two times may be either.
func TestAnyDurationCanBeWritten(t *testing.T) {
	for d, want := range map[time.Duration]string{
		math.MinInt64: "-106751d23h", math.MaxInt64: "106751d23h", -time.Second: "-1s", 0: "0s", 1: "0s",
		999 * time.Millisecond: "999ms", 999_600 * time.Microsecond: "1s", time.Second: "1s",
		59*time.Second + 600*time.Millisecond: "1m", 23*time.Hour + 59*time.Minute + 59*time.Second: "23h59m",
	} {
		t.Run(fmt.Sprint(int64(d)), func(t *testing.T) {
			if got := FormatDuration(d); got != want {
				t.Errorf("%v is %q, want %q", d, got, want)
			}
		})
	}
}

func TestTheBoundsThemselvesAreTaken(t *testing.T) {
	for text, want := range map[string]uint64{"8k": MinRate, "8000": MinRate, "1000G": MaxRate, "1T": MaxRate} {
		t.Run(text, func(t *testing.T) {
			if got, err := ParseRate(text); err != nil || got != want {
				t.Errorf("%d, %v", got, err)
			}
		})
	}
	for _, text := range []string{"7999", "1000000000001", "1.1T"} {
		t.Run(text, func(t *testing.T) {
			if got, err := ParseRate(text); err == nil {
				t.Errorf("taken as %d", got)
			}
		})
	}
	if d, err := ParseDuration("3650d"); err != nil || d != MaxDuration {
		t.Errorf("%v, %v", d, err)
	}
	if d, err := ParseDuration("3650d1s"); err == nil {
		t.Errorf("a second more is %v", d)
	}
}

// Whatever is written can be read again, and is what it was to three digits.
func TestWhatIsWrittenIsRead(t *testing.T) {
	close := func(a, b float64) bool { return math.Abs(a-b) <= 0.006*math.Max(a, 1) }
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Uint64Range(0, 999e12).Draw(t, "size")
		if got, err := ParseSize(FormatSize(size)); err != nil || !close(float64(size), float64(got)) {
			t.Fatalf("%d is written as %s and read as %d, %v", size, FormatSize(size), got, err)
		}
		bits := rapid.Uint64Range(MinRate, MaxRate).Draw(t, "bits")
		if got, err := ParseRate(FormatRate(bits)); err != nil || !close(float64(bits), float64(got)) {
			t.Fatalf("%d is written as %s and read as %d, %v", bits, FormatRate(bits), got, err)
		}
		d := time.Duration(rapid.Int64Range(int64(time.Second), int64(MaxDuration)).Draw(t, "duration"))
		if got, err := ParseDuration(FormatDuration(d)); err != nil || got > d+time.Second ||
			got < d-d/24-time.Second {
			t.Fatalf("%v is written as %s and read as %v, %v", d, FormatDuration(d), got, err)
		}
	})
}

// No text, however odd, is more than its bound, and every refusal is short and says what would do.
func TestAnyTextIsTakenWithinBoundsOrRefusedInWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("0123456789.kKmMgGtTibB/sdhw -+eExX\u00a0\x00µ")), 0, 60, -1).
			Draw(t, "text")
		refused := func(err error) {
			if !strings.Contains(err.Error(), "give ") || len(err.Error()) > 400 {
				t.Fatalf("%q: %v", text, err)
			}
		}
		if n, err := ParseRate(text); err != nil {
			refused(err)
		} else if n != 0 && (n < MinRate || n > MaxRate) {
			t.Fatalf("%q is %d bit/s", text, n)
		}
		if n, err := ParseSize(text); err != nil {
			refused(err)
		} else if n > math.MaxInt64 {
			t.Fatalf("%q is %d bytes", text, n)
		}
		if d, err := ParseDuration(text); err != nil {
			refused(err)
		} else if d < 0 || d > MaxDuration {
			t.Fatalf("%q is %v", text, d)
		}
	})
}
