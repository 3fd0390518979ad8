package menu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/words"
)

// How much of the audit log is shown, and exported.
const (
	auditShown    = 200
	auditExported = 100_000
)

// The records there are.
const (
	recordAudit  = "audit"
	recordExport = "export audit"
	recordKeys   = "keys"
	recordSaved  = "bytes saved"
)

// recordRow is the line of the menu about what was done and what came of it.
func (d *Desk) recordRow() Row {
	return Row{Title: "Records: audit, keys handed out, bytes saved", Run: d.records, Fields: []Field{
		{Key: "what", Ask: "Which", Default: recordAudit, Closed: true, Prepare: func(context.Context, Answers) (Choices, error) {
			return Choices{Options: []Option{
				{recordAudit, "who did what, the newest first"}, {recordExport, "into a file, for a spreadsheet (.csv) or a program (.json)"},
				{recordKeys, "who could open a transfer"}, {recordSaved, "by multicast, against one copy for each"}}}, nil
		}},
		only(Field{Key: "actor", Ask: "Only what this user did (empty: everybody)", Optional: true}, recordAudit, recordExport),
		only(Field{Key: "action", Ask: "Only this kind: user, member, transfer … (empty: all)", Optional: true}, recordAudit, recordExport),
		only(Field{Key: "file", Ask: "File to write", Default: "groupcast-audit.csv", Path: true, Check: isNew}, recordExport),
		only(d.transferField(), recordKeys),
	}}
}

// only asks a question for some of the records.
func only(f Field, of ...string) Field {
	prepare := f.Prepare
	f.Prepare = func(ctx context.Context, a Answers) (Choices, error) {
		if !slices.Contains(of, a["what"]) {
			return Choices{Skip: true}, nil
		}
		if prepare == nil {
			return Choices{}, nil
		}
		return prepare(ctx, a)
	}
	return f
}

// isNew checks that an export overwrites nothing.
func isNew(path string) error {
	if _, err := os.Lstat(expand(path)); err == nil {
		return groupcast.Errorf(groupcast.EConflict, "%s is there already", path).WithHint("give another name")
	}
	return nil
}

func (d *Desk) records(ctx context.Context, a Answers, _ show) (Page, error) {
	switch a["what"] {
	case recordKeys:
		t, err := d.answered(ctx, a)
		if err != nil {
			return Page{}, err
		}
		holders, err := d.Admin.KeyHolders(ctx, t.No)
		return table(holders, "No key was handed out: nothing of it was sent by multicast.", words.KeyHead, words.KeyRow), err
	case recordSaved:
		s, err := d.Admin.Savings(ctx)
		return say(words.Savings(s)...), err
	case recordExport:
		return d.exportAudit(ctx, a)
	}
	entries, err := d.Admin.AuditLog(ctx, groupcast.AuditQuery{Limit: auditShown, Actor: a["actor"], Action: a["action"]})
	return table(entries, "Nothing of that kind was done.", words.AuditHead, words.AuditRow), err
}

// exportAudit writes the log to a file that does not exist yet.
func (d *Desk) exportAudit(ctx context.Context, a Answers) (Page, error) {
	entries, err := d.Admin.AuditLog(ctx, groupcast.AuditQuery{Limit: auditExported, Actor: a["actor"], Action: a["action"]})
	if err != nil {
		return Page{}, err
	}
	path := expand(a["file"])
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Page{}, groupcast.Errorf(groupcast.EInvalid, "%s cannot be written", a["file"]).WithHint("check folder and permissions").Wrap(err)
	}
	if strings.EqualFold(filepath.Ext(path), ".json") {
		e := json.NewEncoder(f)
		e.SetIndent("", "  ")
		err = e.Encode(entries)
	} else {
		err = words.AuditCSV(f, entries)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return Page{}, fmt.Errorf("write %s: %w", a["file"], errors.Join(err, os.Remove(path)))
	}
	return say(fmt.Sprintf("%s written to %s.", some(len(entries), "entry", "entries"), words.Name(path))), nil
}
