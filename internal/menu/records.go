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
	"github.com/groupcast/groupcast/internal/ui"
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
	recordProof  = "proof"
	recordAstray = "missing"
	recordSaved  = "bytes saved"
	recordWho    = "memberships"
)

// recordEntry is the line of the menu about what was done and what came of it.
func (m *Menu) recordEntry() Entry {
	kinds := choices(
		Option{recordAudit, "who did what, the newest first"},
		Option{recordExport, "into a file, for a spreadsheet (.csv) or a program (.json)"},
		Option{recordKeys, "who could open a transfer"},
		Option{recordProof, "of a transfer, into a file: what each receiver signed"},
		Option{recordSaved, "by multicast, against one copy for each"},
		Option{recordWho, "who is a member of what; to be confirmed after the server was set back"},
		Option{recordAstray, "of a transfer: which files did not arrive as they were sent, where and why"})
	audit := []string{recordAudit, recordExport}
	title := "Records: audit, keys handed out, proofs, bytes saved"
	return Entry{Key: "r", Title: title, Plan: m.planRecord, Run: m.records, Fields: []Field{
		{Key: "what", Ask: "Which", Closed: true, Prepare: kinds},
		only(Field{Key: "actor", Ask: "Only what this user did (empty: everybody)", Optional: true}, audit...),
		only(Field{Key: "action", Ask: "Only this kind: user, member, transfer … (empty: all)", Optional: true}, audit...),
		only(newFile("file", "groupcast-audit.csv"), recordExport),
		only(m.transferField(), recordKeys, recordProof, recordAstray),
		only(newFile("proof", "groupcast-proof.json"), recordProof),
		m.confirmField(),
	}}
}

// newFile asks for a file of this machine that is written.
func newFile(key, name string) Field {
	return Field{Key: key, Ask: "File to write", Default: name, Path: true, Check: isNew}
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

func (m *Menu) records(ctx context.Context, a Answers, _ show) (Page, error) {
	switch a["what"] {
	case recordKeys:
		t, err := m.answered(ctx, a)
		if err != nil {
			return Page{}, err
		}
		holders, err := m.Admin.KeyHolders(ctx, t.No)
		none := "No key was handed out: nothing of it was sent by multicast."
		return table(holders, none, ui.KeyHead, ui.KeyRow), err
	case recordProof:
		return m.exportProof(ctx, a)
	case recordAstray:
		return m.astray(ctx, a)
	case recordSaved:
		s, err := m.Admin.Savings(ctx)
		return say(ui.Savings(s)...), err
	case recordExport:
		return m.exportAudit(ctx, a)
	case recordWho:
		return m.memberships(ctx, a)
	}
	entries, err := m.auditLog(ctx, a, auditShown)
	return table(entries, "Nothing of that kind was done.", ui.AuditHead, ui.AuditRow), err
}

func (m *Menu) auditLog(ctx context.Context, a Answers, most int) ([]groupcast.AuditEntry, error) {
	return m.Admin.AuditLog(ctx, groupcast.AuditQuery{Limit: most, Actor: a["actor"], Action: a["action"]})
}

// exportAudit writes the log to a file that does not exist yet.
func (m *Menu) exportAudit(ctx context.Context, a Answers) (Page, error) {
	entries, err := m.auditLog(ctx, a, auditExported)
	if err != nil {
		return Page{}, err
	}
	path, err := writeNew(a["file"], func(f *os.File, path string) error {
		if strings.EqualFold(filepath.Ext(path), ".json") {
			e := json.NewEncoder(f)
			e.SetIndent("", "  ")
			return e.Encode(entries)
		}
		return ui.AuditCSV(f, entries)
	})
	if err != nil {
		return Page{}, err
	}
	return say(fmt.Sprintf("%s written to %s.", some(len(entries), "entry", "entries"), ui.Name(path))), nil
}

// writeNew writes a file that does not exist yet, whole or not at all, and gives its path.
func writeNew(name string, write func(f *os.File, path string) error) (string, error) {
	path := expand(name)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return path, groupcast.Errorf(groupcast.EInvalid, "%s cannot be written", name).
			WithHint("check folder and permissions").Wrap(err)
	}
	if err := errors.Join(write(f, path), f.Close()); err != nil {
		return path, fmt.Errorf("write %s: %w", name, errors.Join(err, os.Remove(path)))
	}
	return path, nil
}

// exportProof writes a transfer's proof to a file that does not exist yet.
func (m *Menu) exportProof(ctx context.Context, a Answers) (Page, error) {
	t, err := m.answered(ctx, a)
	if err != nil {
		return Page{}, err
	}
	p, err := m.Admin.TransferProof(ctx, t.No)
	if err != nil {
		return Page{}, err
	}
	path, err := writeNew(a["proof"], func(f *os.File, _ string) error { return json.NewEncoder(f).Encode(p) })
	if err != nil {
		return Page{}, err
	}
	return say(
		fmt.Sprintf("The proof of transfer %d is written to %s: %s, %d without.", t.No, ui.Name(path),
			ui.Plural(len(p.Receipts), "receipt"), len(p.Missing)),
		"Others check it without this server: groupcast verify FILE --trust "+p.Fingerprint.String()), nil
}
