package ui

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

func TestAuditForASpreadsheet(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var b strings.Builder
	err := AuditCSV(&b,
		[]groupcast.AuditEntry{{
			At: at, Actor: "=1+1", Action: "user.add", Object: `a "b", c`, Detail: "two\nlines",
			Address: "@x",
		}})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v:\n%s", len(rows), err, b.String())
	}
	if got, want := strings.Join(rows[1],
		"|"), "2026-01-02T03:04:05Z|'=1+1|user.add|a \"b\", c|two\nlines|'@x"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSavingsInWords(t *testing.T) {
	got := Savings(groupcast.Savings{All: groupcast.Traffic{
		Transfers: 1, Delivered: 3_000_000, Sent: 1_000_000,
		Saved: 2_000_000,
	}})
	if len(got) != 2 || !strings.Contains(got[1], "2 MB saved: 3 MB delivered by sending 1 MB, 1 transfer") {
		t.Errorf("%q", got)
	}
}
