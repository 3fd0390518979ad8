package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

func TestTheLastTroublesAreKept(t *testing.T) {
	var out bytes.Buffer
	log, kept := watchTroubles(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelError})))
	log.Info("all is well")
	log.With("group", "lab").Warn("the disk is nearly full", "free", 7)
	log.WithGroup("http").Error("no answer", slog.Any("err", errors.New("timeout")))
	log.Error("cannot write", slog.Any("err", errors.New("disk full")))

	want := []string{
		"cannot write: disk full", "no answer, http.err timeout",
		"the disk is nearly full, group lab, free 7",
	}
	got := kept.newestFirst()
	if len(got) != len(want) {
		t.Fatalf("kept: %+v", got)
	}
	for i, w := range want {
		if got[i].Text != w || got[i].At.IsZero() {
			t.Errorf("record %d: %+v, want %q", i, got[i], w)
		}
	}
	if got[2].Level != "WARN" || got[0].Level != "ERROR" {
		t.Errorf("levels %s and %s", got[2].Level, got[0].Level)
	}
	if text := out.String(); strings.Contains(text, "nearly full") || !strings.Contains(text, "disk full") {
		t.Errorf("the log itself wrote:\n%s", text)
	}
}

func TestOnlySoManyTroublesAreKept(t *testing.T) {
	log, kept := watchTroubles(slog.New(slog.DiscardHandler))
	for i := range 3 * maxTroubles {
		log.Error(fmt.Sprintf("%d %s", i, strings.Repeat("x", 2*groupcast.MaxReason)))
	}
	got := kept.newestFirst()
	if len(got) != maxTroubles {
		t.Fatalf("%d are kept, %d may be", len(got), maxTroubles)
	}
	if first := fmt.Sprintf("%d ", 3*maxTroubles-1); !strings.HasPrefix(got[0].Text, first) {
		t.Errorf("the newest is %.20q", got[0].Text)
	}
	for _, r := range got {
		if len(r.Text) > groupcast.MaxReason {
			t.Errorf("a text of %d bytes", len(r.Text))
		}
	}
}
