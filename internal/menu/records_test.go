package menu

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/menu/menutest"
)

func TestTheAuditLogGoesIntoAFile(t *testing.T) {
	w, dir := menutest.New(t), t.TempDir()
	table, program := filepath.Join(dir, "audit.csv"), filepath.Join(dir, "audit.JSON")
	out := answer(t, own(w), "r", "export audit", "ada", "user", table, "r", "2", "", "", program, "r", "2", "", "", table)
	has(t, out, "entries written to "+table, "entries written to "+program, table+" is there already", "give another name")
	text, err := os.ReadFile(table)
	if err != nil || !strings.HasPrefix(string(text), "at,actor,action") {
		t.Errorf("%v: %q", err, text)
	}
	var entries []groupcast.AuditEntry
	if text, err = os.ReadFile(program); err != nil || json.Unmarshal(text, &entries) != nil || len(entries) == 0 {
		t.Errorf("%v: %q", err, text)
	}
	if info, err := os.Stat(table); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v", info.Mode())
	}
}

func TestAFileThatCannotBeWrittenLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	out := answer(t, own(menutest.New(t)), "r", "export audit", "", "", filepath.Join(dir, "no", "audit.csv"))
	has(t, out, "cannot be written", "check folder and permissions")
	path := filepath.Join(dir, "half")
	_, err := writeNew(path, func(f *os.File, _ string) error {
		if _, err := f.WriteString("half"); err != nil {
			return err
		}
		return groupcast.Errorf(groupcast.EInternal, "the disk is full")
	})
	if err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("half of it is there: %v", err)
	}
	if _, err := writeNew(path, func(*os.File, string) error { return nil }); err != nil {
		t.Error(err)
	}
	if _, err := writeNew(path, func(*os.File, string) error { return nil }); err == nil {
		t.Error("a file that is there is written over")
	}
}

func TestAProofGoesIntoAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "proof.json")
	out := answer(t, own(menutest.New(t)), "r", "proof", "11", path)
	has(t, out, "The proof of transfer 11 is written to "+path+": 2 receipts, 2 without.", "groupcast verify FILE --trust")
	var p groupcast.Proof
	if text, err := os.ReadFile(path); err != nil || json.Unmarshal(text, &p) != nil || len(p.Receipts) != 2 {
		t.Errorf("%v: %q", err, text)
	}
}

func TestMembershipsAreConfirmedOnce(t *testing.T) {
	w := menutest.New(t)
	w.SetBack(true)
	m := own(w)
	out := answer(t, m, "r", "memberships", "no")
	has(t, out, "Nothing is sent: the server was set back", "lab    alice", "Remove who should not be there")
	lacks(t, out, AskYes)
	out = answer(t, m, "r", "memberships", "yes", "no")
	has(t, out, "Confirm that the memberships of all groups are right: what is pending is sent again.", NotChanged)
	if got := w.Changes(); len(got) > 0 {
		t.Fatalf("%q", got)
	}
	out = answer(t, m, "r", "memberships", "yes", "yes")
	has(t, out, "Confirmed: what is pending is sent again.")
	if got := w.Changes(); len(got) != 1 || got[0] != "ConfirmMemberships[]" {
		t.Errorf("%q", got)
	}
	w.SetBack(false)
	out = answer(t, m, "r", "memberships")
	has(t, out, "lab    alice")
	lacks(t, out, "Are all of them right?", AskYes)
}

func TestWhatDidNotArriveIsListed(t *testing.T) {
	w := menutest.New(t)
	astray := func(user string, missing, beside int) groupcast.Delivery {
		d := groupcast.Delivery{Transfer: 11, User: user, Device: "pc", State: groupcast.DeliveryIncomplete}
		d.Entries, d.Missing, d.Beside = 9, missing, beside
		return d
	}
	course := groupcast.Transfer{No: 11, Name: "course", Group: "lab", State: groupcast.TransferDone, Incomplete: 2}
	w.Put(course, []groupcast.Delivery{
		astray("alice", 2, 1), {Transfer: 11, User: "bob", Device: "pc", State: groupcast.DeliveryVerified}, astray("carol",
			1, 0),
	})
	out := answer(t, own(w), "r", "missing", "11")
	has(t, out, "alice/pc: 2 of 9 entries are missing, 1 kept beside", "carol/pc: 1 of 9 entries are missing", "   text")
	lacks(t, out, "bob/pc")
	many := make([]groupcast.Delivery, 25)
	for i := range many {
		many[i] = astray("user", 1, 0)
	}
	w.Put(course, many)
	has(t, answer(t, own(w), "r", "missing", "11"), "… and 5 more devices")
	w.Put(course, []groupcast.Delivery{{Transfer: 11, User: "bob", State: groupcast.DeliveryVerified}})
	has(t, answer(t, own(w), "r", "missing", "11"), "Every file that arrived lies under its name.")
	w.Fail(groupcast.Errorf(groupcast.EForbidden, "no longer an administrator"))
	has(t, answer(t, own(w), "r", "missing"), "That did not work: no longer an administrator")
}
