package ui

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

// FuzzAuditCSV: a spreadsheet reads as many cells as were written, and takes none for a formula.
func FuzzAuditCSV(f *testing.F) {
	f.Add("=1+1", "a\r\n=2", "\t=3", `"`, "@x")
	f.Add("-1", "+1", "", "ann", "a,b;c\n")
	f.Fuzz(func(t *testing.T, actor, action, object, detail, address string) {
		var b bytes.Buffer
		e := groupcast.AuditEntry{
			At: time.Unix(0, 0), Actor: actor, Action: action, Object: object, Detail: detail,
			Address: address,
		}
		if err := AuditCSV(&b, []groupcast.AuditEntry{e, e}); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(rows) != 3 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for _, row := range rows {
			for i, cell := range row {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Fatalf("cell %d is %q", i, cell)
				}
			}
			if len(row) != 6 {
				t.Fatalf("%d cells: %q", len(row), row)
			}
		}
	})
}
