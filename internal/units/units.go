// Package units reads and writes sizes, rates and durations as people do: 4GiB, 100M, 30d.
package units

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
)

// Bounds of what may be set.
const (
	MaxRate     = 1_000_000_000_000 // bits a second
	MinRate     = 8_000             // below it a SYNC alone is too much
	MaxDuration = 10 * 365 * 24 * time.Hour
	day         = 24 * time.Hour
)

// ParseRate reads a rate in bits a second: 100M, 1.5G, 800K, with or without "bit/s" or "bps"
// after it. "auto" and "0" are 0: no limit but the network's.
func ParseRate(text string) (uint64, error) {
	s := strings.ToLower(strings.TrimSpace(text))
	if s == "auto" || s == "0" {
		return 0, nil
	}
	for _, unit := range []string{"bit/s", "bits/s", "bps"} {
		s = strings.TrimSpace(strings.TrimSuffix(s, unit))
	}
	s = strings.TrimSuffix(s, "bit")
	n, ok := scaled(s, decimal)
	if !ok || n < MinRate || n > MaxRate {
		return 0, groupcast.Errorf(groupcast.EInvalid, "not a rate: %.40q", text).
			WithHint("give bits a second, from 8K to 1000G: 100M, 1.5G, or auto")
	}
	return uint64(n), nil
}

// FormatRate writes a rate in bits a second for humans.
func FormatRate(bits uint64) string {
	if bits == 0 {
		return "auto"
	}
	return steps(float64(bits), []string{"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"})
}

// ParseSize reads a number of bytes: 1500, 10M or 10MB (decimal), 10MiB (binary).
func ParseSize(text string) (uint64, error) {
	s := strings.ToLower(strings.TrimSpace(text))
	units := decimal
	if t, ok := strings.CutSuffix(s, "ib"); ok {
		s, units = t, binary
	} else {
		s = strings.TrimSpace(strings.TrimSuffix(s, "b"))
	}
	n, ok := scaled(s, units)
	if !ok || n < 0 || n >= math.MaxInt64 {
		return 0, groupcast.Errorf(groupcast.EInvalid, "not a size: %.40q", text).
			WithHint("give bytes: 1500, 10M, 2.5GB, 4GiB")
	}
	return uint64(n), nil
}

// FormatSize writes a number of bytes for humans, in decimal units.
func FormatSize(n uint64) string {
	return steps(float64(n), []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"})
}

var (
	decimal = map[byte]float64{'k': 1e3, 'm': 1e6, 'g': 1e9, 't': 1e12}
	binary  = map[byte]float64{'k': 1 << 10, 'm': 1 << 20, 'g': 1 << 30, 't': 1 << 40}
)

// scaled reads a plain decimal number with an optional unit letter.
func scaled(s string, units map[byte]float64) (float64, bool) {
	factor := 1.0
	if s != "" {
		if f, ok := units[s[len(s)-1]]; ok {
			s, factor = strings.TrimSpace(s[:len(s)-1]), f
		}
	}
	if s == "" || len(s) > 20 || strings.Trim(s, "0123456789.") != "" {
		return 0, false // no signs, exponents, hexadecimal, infinities
	}
	n, err := strconv.ParseFloat(s, 64)
	return math.Round(n * factor), err == nil
}

// Percent writes a number that is one of hundred, as loss is, to a tenth.
func Percent(n float64) string { return fmt.Sprintf("%.1f %%", n) }

// Stamp writes a moment to the second, in this machine's time.
func Stamp(t time.Time) string { return t.Local().Format(time.DateTime) }

// Minute writes a moment to the minute.
func Minute(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// Day writes a date.
func Day(t time.Time) string { return t.Local().Format(time.DateOnly) }

// Clock writes the time of a day.
func Clock(t time.Time) string { return t.Local().Format(time.TimeOnly) }

// steps writes up to three significant digits, without zeros at the end, with the unit in which there are one to
// three before the point.
func steps(n float64, units []string) string {
	i := 0
	for n >= 999.5 && i < len(units)-1 {
		n /= 1000
		i++
	}
	digits := 2
	switch {
	case i == 0 || n >= 99.95:
		digits = 0
	case n >= 9.995:
		digits = 1
	}
	text := strconv.FormatFloat(n, 'f', digits, 64)
	if digits > 0 {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text + " " + units[i]
}

// ParseDuration reads what Go does (90s, 1h30m), and days and weeks before it: 30d, 2w, 1d12h.
func ParseDuration(text string) (time.Duration, error) {
	s := strings.ToLower(strings.TrimSpace(text))
	var total float64
	for _, unit := range []struct {
		letter string
		length time.Duration
	}{{"w", 7 * day}, {"d", day}} {
		before, after, found := strings.Cut(s, unit.letter)
		if !found {
			continue
		}
		n, ok := scaled(before, nil)
		if !ok || strings.Contains(before, ".") {
			return 0, notADuration(text)
		}
		total += n * float64(unit.length)
		s = after
	}
	if s != "" {
		rest, err := time.ParseDuration(s)
		if err != nil || rest < 0 {
			return 0, notADuration(text)
		}
		total += float64(rest)
	}
	if total > float64(MaxDuration) || strings.TrimSpace(text) == "" {
		return 0, notADuration(text)
	}
	return time.Duration(total), nil
}

func notADuration(text string) error {
	return groupcast.Errorf(groupcast.EInvalid, "not a duration: %.40q", text).
		WithHint("give days, hours, minutes, seconds, ten years at most: 30d, 12h, 1h30m, 45s")
}

// FormatDuration writes a duration for humans, in its two largest units.
func FormatDuration(d time.Duration) string {
	if d < 0 {
		return "-" + FormatDuration(-max(d, -math.MaxInt64)) // the least has no opposite
	}
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	d = d.Round(time.Second)
	for _, u := range []struct {
		large, small         time.Duration
		largeName, smallName string
	}{{day, time.Hour, "d", "h"}, {time.Hour, time.Minute, "h", "m"}, {time.Minute, time.Second, "m", "s"}} {
		if d >= u.large {
			out := fmt.Sprintf("%d%s", d/u.large, u.largeName)
			if rest := d % u.large / u.small; rest > 0 {
				out += fmt.Sprintf("%d%s", rest, u.smallName)
			}
			return out
		}
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
