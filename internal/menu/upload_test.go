package menu

import (
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/apiclient"
)

func TestUploadsSayHowTheyStand(t *testing.T) {
	var m meter
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, step := range []struct {
		after time.Duration
		bytes uint64
		want  string
	}{
		{0, 0, "0 B of 40 MB"},
		{2 * time.Second, 10_000_000, "10 MB of 40 MB · 5 MB/s · 6s left"},
		{2 * time.Second, 10_000_000, "10 MB of 40 MB · no answer; it goes on"},
		{time.Second, 0, "10 MB of 40 MB · no answer"}, // the client begins again and is not answered
		{time.Second, 8_000_000, "8 MB of 40 MB"},      // what the server kept
		{2 * time.Second, 16_000_000, "16 MB of 40 MB · "},
		{5 * time.Second, 40_000_000, "40 MB of 40 MB · "},
		{5 * time.Second, 40_000_000, "40 MB of 40 MB"}, // the server counts it up
	} {
		now = now.Add(step.after)
		got := m.lines(apiclient.UploadProgress{Path: "a.bin", Bytes: step.bytes, Total: 40_000_000}, now).Lines
		if !strings.HasPrefix(got[2], step.want) || strings.Contains(got[2], "answer") != strings.Contains(step.want,
			"answer") {
			t.Errorf("%d bytes: %q, want %q", step.bytes, got[2], step.want)
		}
	}
}
