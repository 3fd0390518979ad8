package pki

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// must ends the test with an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// copyOver puts a file of one folder in the place of another.
func copyOver(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, b, 0o600))
}

// A folder is one server's only as a whole: each file that is another's, damaged or gone is named.
func TestAFolderIsCheckedAsAWhole(t *testing.T) {
	other := t.TempDir()
	open(t, Options{Folder: other})
	type harm func(t *testing.T, path string)
	gone := func(t *testing.T, path string) { must(t, os.Remove(path)) }
	damaged := func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("x"), 0o600)) }
	empty := func(t *testing.T, path string) { must(t, os.Truncate(path, 0)) }
	anothers := func(t *testing.T, path string) { copyOver(t, filepath.Join(other, filepath.Base(path)), path) }
	wide := func(t *testing.T, path string) { must(t, os.Chmod(path, 0o644)) }
	for name, spoil := range map[string]harm{
		"gone": gone, "damaged": damaged, "empty": empty, "another's": anothers, "for others to read": wide,
	} {
		for _, file := range []string{"ca.key", "ca.pem", "sign.key", "sign.pem", "tls.key", "tls.pem"} {
			t.Run(file+" "+name, func(t *testing.T) {
				folder := t.TempDir()
				a := open(t, Options{Folder: folder})
				if id, err := CheckFolder(folder); err != nil || id != a.ID() {
					t.Fatalf("as it was: %v, %v", id, err)
				}
				spoil(t, filepath.Join(folder, file))
				id, err := CheckFolder(folder)
				if name == "for others to read" && strings.HasSuffix(file, ".pem") {
					if err != nil {
						t.Errorf("a certificate is no secret: %v", err)
					}
					return
				}
				if err == nil || id != (protocol.ServerID{}) {
					t.Errorf("it is taken as %v", id)
				} else if stem, _, _ := strings.Cut(file, "."); !strings.Contains(err.Error(), stem+".") {
					t.Errorf("the error does not name the file: %v", err)
				}
			})
		}
	}
}

// Checking changes nothing, and leaves that ran out are renewed at the start.
func TestCheckingChangesNothing(t *testing.T) {
	folder := t.TempDir()
	a := open(t, Options{Folder: folder, Now: at(time.Now().Add(-300 * 24 * time.Hour))})
	state := func() (out []string) {
		entries, err := os.ReadDir(folder)
		must(t, err)
		for _, e := range entries {
			info, err := e.Info()
			must(t, err)
			out = append(out, fmt.Sprint(e.Name(), info.Size(), info.ModTime()))
		}
		return out
	}
	before := state()
	if id, err := CheckFolder(folder); err != nil || id != a.ID() {
		t.Errorf("%v, %v", id, err)
	}
	if after := state(); !slices.Equal(before, after) {
		t.Errorf("%v became %v", before, after)
	}
	if _, err := CheckFolder(filepath.Join(folder, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestNamesThatACertificateCanCarry(t *testing.T) {
	for name, want := range map[string]string{
		"files.example.net": "files.example.net", "FILES.Example.Net.": "files.example.net", "a-b.c0": "a-b.c0",
		"192.0.2.1": "192.0.2.1", "[2001:db8::1]": "2001:db8::1", "fe80::1%eth0": "fe80::1", "::ffff:192.0.2.7": "192.0.2.7",
		"": "", "localhost": "", "a..b": "", ".a": "", "a_b": "", "ä.example": "", "*.example.net": "", "a b": "", "a/b": "",
		strings.Repeat("a", 64): "", strings.Repeat("a.", 127) + "a": "", "x" + internalDomain: "", "0.0.0.0": "", "::": "",
		"224.0.0.1": "", "a.example:7440": "",
	} {
		t.Run(name, func(t *testing.T) {
			var h Hosts
			h.add(name)
			var got []string
			got = append(got, h.Names...)
			for _, a := range h.Addrs {
				got = append(got, a.String())
			}
			if strings.Join(got, " ") != want {
				t.Errorf("got %v, want %q", got, want)
			}
		})
	}
}

// However many names a machine has, a certificate stays small, and none is in it twice.
func TestNamesAreBoundedAndNotRepeated(t *testing.T) {
	var h Hosts
	for i := range 3 * maxNames {
		for range 2 {
			h.add(fmt.Sprintf("host%d.example.net", i))
			h.add(fmt.Sprintf("10.1.%d.%d", i/200, i%200))
		}
	}
	if len(h.Names) != maxNames || len(h.Addrs) != maxNames {
		t.Errorf("%d names and %d addresses", len(h.Names), len(h.Addrs))
	}
	local := LocalHosts("given.example.net", "203.0.113.9", "not a name")
	if !slices.Contains(local.Names, "given.example.net") ||
		!slices.Contains(local.Addrs, netip.MustParseAddr("203.0.113.9")) {
		t.Errorf("what was given is missing: %+v", local)
	}
	if !slices.ContainsFunc(local.Addrs, netip.Addr.IsLoopback) {
		t.Errorf("this machine's own addresses are missing: %v", local.Addrs)
	}
}

// What was signed while both certificates were valid counts for ever; before and after it never does.
func TestASignatureCountsAtItsTime(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	a := open(t, Options{Now: at(now)})
	chain := a.SigningChain()
	for name, c := range map[string]struct {
		when time.Time
		ok   bool
	}{
		"now":                 {now, true},
		"in a month":          {now.Add(30 * 24 * time.Hour), true},
		"in a year":           {now.Add(365 * 24 * time.Hour), false},
		"long before":         {now.Add(-365 * 24 * time.Hour), false},
		"at no time at all":   {time.Time{}, false},
		"in ten thousand AD":  {time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), false},
		"after the leaf only": {now.Add(200 * 24 * time.Hour), false},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := SigningKeyAt(a.ID(), chain, c.when)
			if (err == nil) != c.ok {
				t.Fatalf("%v", err)
			}
			if c.ok && !slices.Equal(key.Bytes(), a.SigningKey().Public().Bytes()) {
				t.Error("it is another key")
			}
		})
	}
	stranger := open(t, Options{})
	for name, list := range map[string][][]byte{
		"none": nil, "the leaf alone": chain[:1], "turned round": {chain[1], chain[0]}, "damaged": {chain[0], []byte("x")},
		"another's CA":            {chain[0], stranger.SigningChain()[1]},
		"another's":               stranger.SigningChain(),
		"three":                   append(slices.Clone(chain), chain[1]),
		"two certificates in one": {append(slices.Clone(chain[0]), chain[1]...), chain[1]},
		"the leaf of TLS":         {a.tlsLeaf().Raw, chain[1]},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := SigningKeyAt(a.ID(), list, now); err == nil {
				t.Error("taken")
			}
			if _, err := (Pin{ID: a.ID(), Now: at(now)}).VerifySigningLeaf(list); err == nil {
				t.Error("taken by the pin")
			}
		})
	}
}

// What of a site's certificate browsers refuse is said, with the day; a valid one has no warning.
func TestASiteCertificateThatRanOut(t *testing.T) {
	now := time.Now()
	dir := t.TempDir()
	key, leaf := impostor(t, "files.example.net") // valid for an hour
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	cert, keyFile := filepath.Join(dir, "c.pem"), filepath.Join(dir, "c.key")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}), 0o600))
	must(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	clock := now
	a := open(t, Options{CertFile: cert, KeyFile: keyFile, Now: func() time.Time { return clock }})
	if !a.HasSite() || a.SiteWarning() != "" {
		t.Errorf("while it is valid: %v, %q", a.HasSite(), a.SiteWarning())
	}
	clock = now.Add(48 * time.Hour)
	if w := a.SiteWarning(); !strings.Contains(w, "ran out") || !strings.Contains(w, leaf.NotAfter.Format(time.DateOnly)) {
		t.Errorf("after it: %q", w)
	}
	clock = now.Add(-10 * 24 * time.Hour)
	if w := a.SiteWarning(); !strings.Contains(w, "not valid before") {
		t.Errorf("before it: %q", w)
	}
	without := open(t, Options{})
	if without.HasSite() || without.SiteWarning() != "" {
		t.Errorf("without one: %q", without.SiteWarning())
	}
	before := a.LeafFingerprint()
	must(t, os.WriteFile(cert, []byte("x"), 0o600))
	if err := a.Reload(); err == nil || a.LeafFingerprint() != before {
		t.Errorf("a damaged one replaced it: %v", err)
	}
}

// A key of another kind in the place of the signing key is refused, and not used.
func TestASigningKeyOfAnotherKind(t *testing.T) {
	folder := t.TempDir()
	open(t, Options{Folder: folder})
	copyOver(t, filepath.Join(folder, "tls.key"), filepath.Join(folder, "sign.key"))
	if _, err := Open(Options{Folder: folder, Hosts: testHosts}); err == nil ||
		!strings.Contains(err.Error(), "sign.key") {
		t.Errorf("%v", err)
	}
	_, fresh, err := ed25519.GenerateKey(nil)
	must(t, err)
	must(t, os.Remove(filepath.Join(folder, "sign.key")))
	must(t, writeKey(filepath.Join(folder, "sign.key"), fresh))
	a, err := Open(Options{Folder: folder, Hosts: testHosts}) // a new key: a new leaf
	must(t, err)
	if key, err := SigningKeyAt(a.ID(), a.SigningChain(), time.Now()); err != nil ||
		!slices.Equal(key.Bytes(), a.SigningKey().Public().Bytes()) {
		t.Errorf("the chain is not of the key: %v", err)
	}
}

// Handshakes, renewals and new certificates of the site go on at once.
func TestAnAuthorityIsUsedAtOnce(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	a := open(t, Options{Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(24 * time.Hour) // each look is a day later: leaves are renewed again and again
		return now
	}})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 40 {
				c, err := a.certificateFor(&tls.ClientHelloInfo{ServerName: InternalName(a.ID())})
				if err != nil || c.Leaf == nil {
					t.Error(err)
				}
				if chain := a.SigningChain(); len(chain) != 2 {
					t.Errorf("%d certificates", len(chain))
				}
				_ = a.LeafFingerprint()
				_ = a.KnowsHost("files.example.net")
				if err := a.Reload(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// Asking an address who it is ends in words whatever answers there.
func TestDiscoveringWhatIsNoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Write([]byte("SSH-2.0-OpenSSH_9.6\r\n"))
			c.Close()
		}
	}()
	defer l.Close()
	key, leaf := impostor(t, "files.example.net")
	alone, heard := serve(t, chainOf(key, leaf))
	for name, address := range map[string]string{
		"another protocol": l.Addr().String(), "a certificate alone": alone, "nobody": "127.0.0.1:1", "no address": "nonsense",
	} {
		t.Run(name, func(t *testing.T) {
			id, err := Discover(t.Context(), address)
			if groupcast.ErrorCode(err) != groupcast.EUnavailable || id != (protocol.ServerID{}) {
				t.Errorf("%v, %v", id, err)
			}
			if address == alone && heard() != 0 {
				t.Error("something was said to it")
			}
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Discover(gone, l.Addr().String()); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}
