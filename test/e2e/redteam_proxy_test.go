//go:build linux

package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/test/attacker"
	"github.com/groupcast/groupcast/test/netlab"
)

const proxyAddr = "10.99.0.12:7440" // host r2

// impostor is a way to pass for the server: what the proxy shows, and from which connection on.
type impostor struct {
	name    string
	show    func(f *forgedChains) string // the folder with certificates and key
	relayed int                          // connections that it relays to the server before
}

// TestRedteamProxyAtLogin: somebody between a receiver and the server, before its first login and after.
// Every try ends in the handshake, and the proxy sees no byte of HTTP.
func TestRedteamProxyAtLogin(t *testing.T) {
	dir := t.TempDir()
	site := newAuthority(t, "Company CA")
	siteCert, siteKey := site.leaf(t, dir, "server", "gc.example")
	s := newSite(t, netlab.Config{Receivers: 2}, "--cert", siteCert, "--key", siteKey)
	s.host("s").run("", "group", "create", "lab")
	s.host("s").run(password+"\n", "user", "add", "alice", "--password-stdin")
	f := newForgedChains(t, s, site)
	for _, x := range []impostor{
		{"(a) another CA", (*forgedChains).otherCA, 0},
		{"(b) the genuine CA's certificate behind a leaf of its own", (*forgedChains).ownLeaf, 0},
		{"(b) the same, the fingerprint relayed before", (*forgedChains).ownLeaf, 1},
		{"(e) the signing leaf with its key", (*forgedChains).signingLeaf, 1},
		{"(f) another leaf of the CA of --cert", (*forgedChains).siteLeaf, 1},
	} {
		p := s.host("r2").attacks(attacker.Plan{Kind: "pretend", Source: proxyAddr, File: x.show(f), Count: x.relayed})
		p.await("pretending")
		out, errs, err := s.host("r1").try(password+"\n", "login", "https://"+proxyAddr, "--user", "alice",
			"--password-stdin", "--trust", s.fingerprint)
		s.proxied("login through "+x.name, p.end(), err == nil, out+errs)
	}
	// (c), (d): the first login and the receiver's first connections go through to the server.
	folder := f.otherCA()
	p := s.host("r2").attacks(attacker.Plan{Kind: "pretend", Source: proxyAddr, File: folder, Count: 1 << 20})
	p.await("pretending")
	pc := s.host("r1")
	pc.run(password+"\n", "login", "https://"+proxyAddr, "--user", "alice", "--password-stdin", "--trust", s.fingerprint)
	s.host("s").run("", "member", "add", "lab", "alice")
	pc.receive() // it comes back by itself, with what it kept of its sessions
	must(t, os.WriteFile(filepath.Join(folder, "swap"), nil, 0o600))
	p.await("swapped")
	out, errs, err := pc.try("", "groups")
	time.Sleep(3 * time.Second)
	s.proxied("(c), (d) another server after the login, to a receiver that comes back", p.end(), err == nil, out+errs)
}

// proxied notes what a proxy saw.
func (s *site) proxied(name string, r attacker.Report, wentOn bool, said string) {
	s.t.Helper()
	s.holds(row{
		Test: "T2", Attack: name, Quiet: "–", Limit: "no byte of HTTP, exit code 1",
		Attacked: fmt.Sprintf("%d connections, %d handshakes", r.Answers["connections"],
			r.Answers["handshakes"]), Named: fmt.Sprintf("%d bytes seen", r.Answers["bytes"]),
	},
		unless(r.Answers["connections"] > 0, "nobody met the proxy: %v", r.Answers),
		unless(r.Answers["bytes"] == 0, "the proxy saw %d bytes", r.Answers["bytes"]),
		unless(!wentOn, "the command went on: %s", said))
}

// forgedChains makes what impostors show.
type forgedChains struct {
	t    *testing.T
	s    *site
	site *testAuthority
	home string // a copy of the server's, for its certificates
}

func newForgedChains(t *testing.T, s *site, site *testAuthority) *forgedChains {
	return &forgedChains{t: t, s: s, site: site, home: filepath.Join(s.host("s").home(), "server")}
}

// folder writes a chain and a key.
func (f *forgedChains) folder(key crypto.Signer, chain ...[]byte) string {
	f.t.Helper()
	dir := f.t.TempDir()
	var text []byte
	for _, der := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	must(f.t, os.WriteFile(filepath.Join(dir, "cert.pem"), text, 0o600))
	must(f.t, os.WriteFile(filepath.Join(dir, "key.pem"), keyPEM(f.t, key), 0o600))
	return dir
}

func (f *forgedChains) ca() *x509.Certificate {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.home, "ca.pem"))
	must(f.t, err)
	block, _ := pem.Decode(text)
	ca, err := x509.ParseCertificate(block.Bytes)
	must(f.t, err)
	return ca
}

func (f *forgedChains) internal() string { return pki.InternalName(pki.Fingerprint(f.ca())) }

// otherCA is all that a server has, of a CA of its own.
func (f *forgedChains) otherCA() string {
	other := newAuthority(f.t, "groupcast")
	der, key := other.sign(f.t, pki.InternalName(pki.Fingerprint(other.cert)), f.internal())
	return f.folder(key, der, other.cert.Raw)
}

// ownLeaf shows the genuine CA, which signed nothing of it.
func (f *forgedChains) ownLeaf() string {
	der, key := newAuthority(f.t, f.ca().Subject.CommonName).sign(f.t, f.internal())
	return f.folder(key, der, f.ca().Raw)
}

// signingLeaf shows the leaf that signs offers, whose key it has.
func (f *forgedChains) signingLeaf() string {
	f.t.Helper()
	copied := f.t.TempDir()
	for _, glob := range []string{"*.pem", "*.key"} {
		files, err := filepath.Glob(filepath.Join(f.home, glob))
		must(f.t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			must(f.t, err)
			must(f.t, os.WriteFile(filepath.Join(copied, filepath.Base(file)), text, 0o600))
		}
	}
	a, err := pki.Open(pki.Options{Folder: copied})
	must(f.t, err)
	text, err := os.ReadFile(filepath.Join(f.home, "sign.key"))
	must(f.t, err)
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	must(f.t, err)
	return f.folder(key.(crypto.Signer), a.SigningChain()...)
}

// siteLeaf shows a leaf of the CA that the browsers' certificate is of, with the genuine CA.
func (f *forgedChains) siteLeaf() string {
	der, key := f.site.sign(f.t, f.internal())
	return f.folder(key, der, f.site.cert.Raw, f.ca().Raw)
}

// testAuthority is a CA of the test.
type testAuthority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newAuthority(t *testing.T, name string) *testAuthority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return &testAuthority{cert, key}
}

// sign makes a leaf for names.
func (a *testAuthority) sign(t *testing.T, names ...string) ([]byte, crypto.Signer) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	must(t, err)
	return der, key
}

// leaf writes a leaf and its key to files.
func (a *testAuthority) leaf(t *testing.T, dir, file, name string) (certFile, keyFile string) {
	t.Helper()
	der, key := a.sign(t, name)
	certFile, keyFile = filepath.Join(dir, file+".pem"), filepath.Join(dir, file+".key")
	must(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(keyFile, keyPEM(t, key), 0o600))
	return certFile, keyFile
}

func keyPEM(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
