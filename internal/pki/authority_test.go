package pki

import (
	"crypto/tls"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestTheAuthorityStays(t *testing.T) {
	now := time.Now()
	folder := t.TempDir()
	first := open(t, Options{Folder: folder, Now: at(now)})
	again := open(t, Options{Folder: folder, Now: at(now.Add(time.Hour))})
	if again.ID() != first.ID() || again.LeafFingerprint() != first.LeafFingerprint() {
		t.Error("a restart changed certificates")
	}
	late := open(t, Options{Folder: folder, Now: at(now.Add(80 * 24 * time.Hour))})
	if late.ID() != first.ID() || late.LeafFingerprint() == first.LeafFingerprint() {
		t.Error("the leaf was not renewed, or the CA was")
	}
	more := testHosts
	more.Addrs = append(more.Addrs[:2:2], netip.MustParseAddr("10.9.8.7"))
	if moved := open(t, Options{Folder: folder, Hosts: more}); !moved.KnowsHost("10.9.8.7:7440") {
		t.Error("a new address is not in the leaf")
	}
	if err := os.Remove(filepath.Join(folder, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	if healed := open(t, Options{Folder: folder}); healed.ID() != first.ID() {
		t.Error("the fingerprint did not survive a new CA certificate")
	}
}

// A leaf that runs out while the server runs is renewed as it is asked for.
func TestLeavesRenewWhileServing(t *testing.T) {
	now := time.Now()
	a := open(t, Options{Now: func() time.Time { return now }})
	before := a.LeafFingerprint()
	now = now.Add(70 * 24 * time.Hour)
	c, err := a.certificateFor(&tls.ClientHelloInfo{ServerName: InternalName(a.ID())})
	if err != nil || a.LeafFingerprint() == before || c.Leaf.NotAfter.Before(now.Add(80*24*time.Hour)) {
		t.Errorf("not renewed: %v", err)
	}
	if _, err := (Pin{ID: a.ID(), Now: at(now)}).VerifySigningLeaf(a.SigningChain()); err != nil {
		t.Error(err)
	}
}

func TestKeyFilesAreGuarded(t *testing.T) {
	folder := t.TempDir()
	open(t, Options{Folder: folder})
	for _, name := range []string{"ca.key", "ca.pem", "tls.key", "tls.pem", "sign.key", "sign.pem"} {
		t.Run(name, func(t *testing.T) {
			info, err := os.Stat(filepath.Join(folder, name))
			if err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o600) {
				t.Errorf("%s: %v, %v", name, info.Mode(), err)
			}
		})
	}
	key := filepath.Join(folder, "ca.key")
	for name, harm := range map[string]struct {
		do   func() error
		says string
	}{
		"readable by others": {func() error { return os.Chmod(key, 0o640) }, "chmod 600"},
		"damaged": {
			func() error { os.Chmod(key, 0o600); return os.WriteFile(key, []byte("x"), 0o600) }, "restore",
		},
		"gone": {func() error { return os.Remove(key) }, "restore"},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && name == "readable by others" {
				return
			}
			if err := harm.do(); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			_, err := Open(Options{Folder: folder, Hosts: testHosts})
			if err == nil || (name != "readable by others" && !strings.Contains(err.Error(), harm.says)) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestKnownHosts(t *testing.T) {
	a := open(t, Options{})
	for host, ok := range map[string]bool{
		"files.example.net": true, "FILES.example.net:7440": true, "127.0.0.1:7440": true, "203.0.113.5": true,
		InternalName(a.ID()) + ":7440": true, "localhost:7440": true, "evil.example": false, "": false, "10.0.0.1": false,
	} {
		t.Run(host, func(t *testing.T) {
			if a.KnowsHost(host) != ok {
				t.Errorf("%q: %v", host, !ok)
			}
		})
	}
}

func TestFingerprints(t *testing.T) {
	id := protocol.ServerID{0: 0xAB, 7: 0xCD, 31: 1}
	full := inBase32(id)
	short := full[:19]
	for _, text := range []string{
		full, strings.ToLower(full), id.String(), strings.ToUpper(id.String()), "SHA256:" + id.String(),
		"Fingerprint: " + id.String() + "  (`groupcast login` asks for its first 20 characters)",
		" " + strings.ReplaceAll(full, "-", " ") + "\n",
	} {
		t.Run(text, func(t *testing.T) {
			if got, err := ParseFingerprint(text); err != nil || got != id {
				t.Errorf("%q: %v", text, err)
			}
			if got := CompareTyped(id, text); got != TypedRight {
				t.Errorf("%q: %d", text, got)
			}
		})
	}
	for _, text := range []string{"", short, id.String()[:62], id.String() + "00", "zz" + id.String()[2:]} {
		t.Run(text, func(t *testing.T) {
			if _, err := ParseFingerprint(text); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%q is taken: %v", text, err)
			}
		})
	}
	other := id
	other[9] ^= 0x80 // the first 80 bits are the first ten bytes
	inHex := id.String()
	for typed, want := range map[string]Typed{
		short: TypedRight, strings.ToLower(short): TypedRight, full[:24]: TypedRight, inHex[:20]: TypedRight,
		strings.ToUpper(inHex[:31]):   TypedRight,
		inHex[:4] + " " + inHex[4:24]: TypedRight, short[:18]: TypedShort, inHex[:19]: TypedShort, inHex[:8]: TypedShort,
		"": TypedShort, "y": TypedShort,
		inHex[:20] + "zz": TypedWrong, "0" + inHex[:22]: TypedWrong, inHex + "00": TypedWrong, full + "AAAA": TypedWrong,
	} {
		t.Run(typed, func(t *testing.T) {
			if got := CompareTyped(id, typed); got != want {
				t.Errorf("typed %q: %d, want %d", typed, got, want)
			}
			if CompareTyped(other, typed) == TypedRight {
				t.Errorf("typed %q is another's, too", typed)
			}
		})
	}
	if InternalName(id) != hex.EncodeToString(id[:8])+".groupcast.internal" {
		t.Error(InternalName(id))
	}
}

// inBase32 is a fingerprint in groups of four, as older programs printed it.
func inBase32(id protocol.ServerID) string {
	s := base32Letters.EncodeToString(id[:])
	var groups []string
	for ; len(s) > 4; s = s[4:] {
		groups = append(groups, s[:4])
	}
	return strings.Join(append(groups, s), "-")
}

func FuzzParseFingerprint(f *testing.F) {
	f.Add(inBase32(protocol.ServerID{1}))
	f.Add(protocol.ServerID{2}.String())
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseFingerprint(text)
		if err != nil {
			return
		}
		if again, err := ParseFingerprint(inBase32(id)); err != nil || again != id {
			t.Errorf("%q: %v", text, err)
		}
	})
}
