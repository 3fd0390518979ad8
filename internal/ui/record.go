package ui

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/units"
)

// The heads of the tables below, and the texts for empty ones.
const (
	KeyHead   = "SESSION|USER|DEVICE|MEMBERSHIP|HANDED OUT"
	NoKeys    = "no key was handed out: nothing was sent by multicast yet"
	AuditHead = "AT|WHO|DID|TO|DETAIL|FROM"
	LoginHead = "ID|KIND|DEVICE|FROM|LAST USED|SINCE|"
)

// KeyRow is a device that was handed a session's key.
func KeyRow(k groupcast.KeyHolder) []string {
	return []string{k.Session.String(), k.User, k.Device, fmt.Sprint(k.Version), units.Stamp(k.At)}
}

// AuditRow is one line of the audit log.
func AuditRow(e groupcast.AuditEntry) []string {
	return []string{units.Stamp(e.At), e.Actor, e.Action, e.Object, e.Detail, e.Address}
}

// LoginRow is one of a user's logins.
func LoginRow(s groupcast.SignIn) []string {
	kind := map[groupcast.Scope]string{
		groupcast.ScopeAgent: "receiver", groupcast.ScopeCLI: "command line",
		groupcast.ScopeWeb: "browser",
	}[s.Scope]
	current := ""
	if s.Current {
		current = "this one"
	}
	return []string{s.ID, kind, s.Device, s.Address, Ago(s.LastUsed), Ago(s.CreatedAt), current}
}

// Savings says what multicast spared.
func Savings(s groupcast.Savings) []string {
	one := func(when string, t groupcast.Traffic) string {
		return fmt.Sprintf("%-13s %s saved: %s delivered by sending %s, %s", when, Size(t.Saved), Size(t.Delivered),
			Size(t.Sent), Plural(t.Transfers, "transfer"))
	}
	return []string{one("last 24 hours", s.Day), one("in all", s.All)}
}

// AuditCSV writes entries for a spreadsheet. A cell that it would take for a formula gets a
// quote in front (security.md W2).
func AuditCSV(w io.Writer, entries []groupcast.AuditEntry) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	rows := [][]string{{"at", "actor", "action", "object", "detail", "address"}}
	for _, e := range entries {
		row := []string{e.At.UTC().Format(time.RFC3339Nano), e.Actor, e.Action, e.Object, e.Detail, e.Address}
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				row[i] = "'" + cell
			}
		}
		rows = append(rows, row)
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}
