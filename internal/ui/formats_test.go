package ui

import (
	"encoding/json"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast/internal/units"
)

// What numbers and times look like: the web interface's tests read the same table.
func TestFormats(t *testing.T) {
	text, err := os.ReadFile("testdata/formats.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Kind  string  `json:"of"`
		Value float64 `json:"in"`
		Text  string  `json:"out"`
	}
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	write := map[string]func(float64) string{
		"bytes":    func(n float64) string { return Size(uint64(n)) },
		"rate":     func(n float64) string { return units.FormatRate(uint64(n)) },
		"duration": func(n float64) string { return units.FormatDuration(time.Duration(n)) },
		"moment":   func(n float64) string { return Ago(time.Now().Add(time.Duration(n))) },
		"percent":  Percent,
		"loss":     units.Percent,
		"stamp":    func(wall float64) string { return units.Stamp(atWall(uint64(wall))) },
	}
	synctest.Test(t, func(t *testing.T) {
		for _, r := range rows {
			of := write[r.Kind]
			if of == nil {
				t.Fatalf("no formatter for %q", r.Kind)
			}
			if got := of(r.Value); got != r.Text {
				t.Errorf("%s of %v: %q, want %q", r.Kind, r.Value, got, r.Text)
			}
		}
	})
}

// atWall is the moment at which the clocks here show the digits of a number: 20260102030405.
func atWall(n uint64) time.Time {
	next := func(base uint64) int { d := n % base; n /= base; return int(d) }
	second, minute, hour, day, month := next(100), next(100), next(100), next(100), next(100)
	return time.Date(int(n), time.Month(month), day, hour, minute, second, 0, time.Local)
}
