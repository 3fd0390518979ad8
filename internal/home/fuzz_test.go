package home

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// FuzzHomeFiles: what lies in a home is read or refused, never half; a login that is read is kept as
// it was.
func FuzzHomeFiles(f *testing.F) {
	f.Add([]byte(`{"server":"https://a:1","fingerprint":"`+(protocol.ServerID{1}).String()+
		`","user":"ann","device":"00112233445566778899aabbccddeeff"}`),
		[]byte("2026-01-02T03:04:05Z\n"), []byte(`{"a":"b"}`))
	f.Add([]byte(`{"server":"","fingerprint":"00"}`), []byte("0"), []byte("null"))
	f.Add([]byte("{"), []byte{}, []byte(`{"a":1}`))
	dir := f.TempDir()
	h, err := Open(filepath.Join(dir, "home"))
	if err != nil {
		f.Fatal(err)
	}
	if _, err := h.Folder(RoleAgent); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, login, seen, unfinished []byte) {
		for path, content := range map[string][]byte{
			h.loginPath(): login, h.seenPath(): seen, h.unfinishedPath(): unfinished,
		} {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.BeginUpload("name", "id"); err != nil || h.UnfinishedUpload("name") != "id" {
			t.Fatalf("an upload is not remembered over %q: %v", unfinished, err)
		}
		l, err := h.LoadLogin()
		if err != nil {
			return
		}
		if l.Server == "" || l.Fingerprint == (protocol.ServerID{}) {
			t.Fatalf("%q was taken for %+v", login, l)
		}
		l.LastSeen = time.Time{}
		if err := h.SaveLogin(l); err != nil {
			return // a time past the year 9999 is read and cannot be written
		}
		again, err := h.LoadLogin()
		if again.LastSeen = l.LastSeen; err != nil || !again.CLIExpires.Equal(l.CLIExpires) {
			t.Fatalf("%+v, then %+v, %v", l, again, err)
		}
		if again.CLIExpires = l.CLIExpires; again != l {
			t.Fatalf("%+v, then %+v", l, again)
		}
	})
}
