package pki

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

var testHosts = Hosts{Names: []string{"files.example.net"}, Addrs: []netip.Addr{
	netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("203.0.113.5"),
}}

func open(t *testing.T, o Options) *Authority {
	t.Helper()
	if o.Folder == "" {
		o.Folder = t.TempDir()
	}
	if o.Hosts.Names == nil {
		o.Hosts = testHosts
	}
	a, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

func (a *Authority) tlsLeaf() *x509.Certificate {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.leaf
}

// serve answers on loopback until the test ends and counts the bytes that clients send after
// their handshakes.
func serve(t *testing.T, config *tls.Config) (address string, heard func() int) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	total, done := make(chan int), make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b, _ := io.ReadAll(io.LimitReader(c, 4)) // a failed handshake reads nothing
			if len(b) == 4 {
				c.Write([]byte("pong"))
			}
			c.Close()
			total <- len(b)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String(), func() int { return <-total }
}

// talk dials and sends four bytes, as a client sends its first request.
func talk(address string, config *tls.Config) error {
	c, err := tls.Dial("tcp", address, config)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write([]byte("ping")); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 4))
	return err
}

// chainOf makes a server configuration that presents exactly this.
func chainOf(key any, chain ...*x509.Certificate) *tls.Config {
	c := tls.Certificate{PrivateKey: key}
	for _, x := range chain {
		c.Certificate = append(c.Certificate, x.Raw)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{c}}
}

// impostor signs, with a key of his own, a leaf for the genuine server's internal name.
func impostor(t *testing.T, name string) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template, err := template(name, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	template.DNSNames = []string{name}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf, err := sign(template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return key, leaf
}

// T2: whoever is not the pinned server ends in the handshake and hears no byte.
func TestOnlyThePinnedServerIsTalkedTo(t *testing.T) {
	genuine, other := open(t, Options{}), open(t, Options{})
	pin := Pin{ID: genuine.ID()}
	ca := genuine.CA()
	key, leaf := impostor(t, InternalName(genuine.ID()))
	otherForName, err := makeTLSLeaf(authority{id: genuine.ID(), certificate: other.CA(), key: other.ca.key}, key.Public(),
		Hosts{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	wrongName, err := makeTLSLeaf(authority{id: other.ID(), certificate: ca, key: genuine.ca.key}, key.Public(), Hosts{},
		time.Now())
	if err != nil {
		t.Fatal(err)
	}
	signing, err := x509.ParseCertificate(genuine.SigningChain()[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		server *tls.Config
		ok     bool
	}{
		"the genuine server":                     {genuine.ServerTLS(), true},
		"(a) another CA":                         {other.ServerTLS(), false},
		"(a) another CA, the right name":         {chainOf(key, otherForName, other.CA()), false},
		"(b) genuine CA beside a leaf of his":    {chainOf(key, leaf, ca), false},
		"(b) genuine CA beside another CA's":     {chainOf(key, otherForName, other.CA(), ca), false},
		"(b) genuine CA first":                   {chainOf(genuine.ca.key, ca, ca), false},
		"(e) the signing leaf used for TLS":      {chainOf(genuine.signKey, signing, ca), false},
		"the genuine CA's leaf for another name": {chainOf(key, wrongName, ca), false},
		"the genuine leaf without its CA":        {chainOf(genuine.tlsKey, genuine.tlsLeaf()), false},
	} {
		t.Run(name, func(t *testing.T) {
			address, heard := serve(t, c.server)
			err := talk(address, pin.ClientTLS())
			n := heard()
			if c.ok && (err != nil || n != 4) {
				t.Errorf("refused after %d bytes: %v", n, err)
			}
			if !c.ok && (err == nil || n != 0 || groupcast.ErrorCode(err) != groupcast.EUnauthorized) {
				t.Errorf("it heard %d bytes: %v", n, err)
			}
		})
	}
}

// K8: what is recorded today stays closed to whoever breaks X25519 later.
func TestKeyExchangeIsHybrid(t *testing.T) {
	a := open(t, Options{})
	address, heard := serve(t, a.ServerTLS())
	config := Pin{ID: a.ID()}.ClientTLS()
	c, err := tls.Dial("tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	state := c.ConnectionState()
	c.Close()
	heard()
	if state.CurveID != tls.X25519MLKEM768 || state.Version != tls.VersionTLS13 {
		t.Errorf("key exchange %v, version %x", state.CurveID, state.Version)
	}
}

// T2 (c), (d): a pin is kept on resumption too, and a swap after pinning is seen.
func TestResumptionIsVerified(t *testing.T) {
	genuine, other := open(t, Options{}), open(t, Options{})
	cache := tls.NewLRUClientSessionCache(4)
	client := func(id protocol.ServerID) *tls.Config {
		c := Pin{ID: id}.ClientTLS()
		c.ServerName = "one.groupcast.internal" // one entry of the cache for both pins
		c.ClientSessionCache = cache
		return c
	}
	address, heard := serve(t, genuine.ServerTLS())
	for range 2 {
		if err := talk(address, client(genuine.ID())); err != nil || heard() != 4 {
			t.Fatalf("genuine: %v", err)
		}
	}
	if err := talk(address, client(other.ID())); err == nil || heard() != 0 {
		t.Errorf("a session resumed under another pin: %v", err)
	}
	swapped, heardSwapped := serve(t, other.ServerTLS())
	if err := talk(swapped, client(genuine.ID())); err == nil || heardSwapped() != 0 {
		t.Errorf("swapped after pinning: %v", err)
	}
}

// T2 (f): with --cert, browsers see the site's certificate, groupcast's clients the own leaf;
// who holds another leaf of the site's CA is nobody.
func TestSiteCertificateIsForBrowsersOnly(t *testing.T) {
	site := open(t, Options{})
	folder := t.TempDir()
	cert, keyFile := filepath.Join(folder, "site.pem"), filepath.Join(folder, "site.key")
	if err := writeCertificate(cert, site.tlsLeaf()); err != nil {
		t.Fatal(err)
	}
	if err := writeKey(keyFile, site.tlsKey); err != nil {
		t.Fatal(err)
	}
	server := open(t, Options{CertFile: cert, KeyFile: keyFile})
	address, heard := serve(t, server.ServerTLS())
	pin := Pin{ID: server.ID()}
	if err := talk(address, pin.ClientTLS()); err != nil || heard() != 4 {
		t.Errorf("a client of groupcast: %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(site.CA())
	browser := &tls.Config{RootCAs: roots, ServerName: "files.example.net"}
	if err := talk(address, browser); err != nil || heard() != 4 {
		t.Errorf("a browser: %v", err)
	}
	attacker, heardAttacker := serve(t, site.ServerTLS())
	if err := talk(attacker, pin.ClientTLS()); err == nil || heardAttacker() != 0 {
		t.Errorf("another leaf of the site's CA passes: %v", err)
	}
	if id, err := Discover(context.Background(), address); err != nil || id != server.ID() {
		t.Errorf("discovered %v, %v", id, err)
	}
	if heard() != 0 {
		t.Error("discovery sent something")
	}
}

// A renewed certificate answers after Reload; a pair that does not fit leaves the one before.
func TestARenewedSiteCertificateAnswers(t *testing.T) {
	folder := t.TempDir()
	cert, keyFile := filepath.Join(folder, "site.pem"), filepath.Join(folder, "site.key")
	write := func(of, keyOf *Authority) {
		t.Helper()
		if err := errors.Join(writeCertificate(cert, of.tlsLeaf()), writeKey(keyFile, keyOf.tlsKey)); err != nil {
			t.Fatal(err)
		}
	}
	first, second := open(t, Options{}), open(t, Options{})
	write(first, first)
	now := time.Now()
	server := open(t, Options{CertFile: cert, KeyFile: keyFile, Now: func() time.Time { return now }})
	address, heard := serve(t, server.ServerTLS())
	answers := func(want *Authority) {
		t.Helper()
		roots := x509.NewCertPool()
		roots.AddCert(want.CA())
		if err := talk(address, &tls.Config{RootCAs: roots, ServerName: "files.example.net"}); err != nil || heard() != 4 {
			t.Error(err)
		}
	}
	answers(first)
	write(second, first)
	if err := server.Reload(); err == nil {
		t.Error("a key that does not fit is taken")
	}
	answers(first)
	write(second, second)
	if err := server.Reload(); err != nil {
		t.Fatal(err)
	}
	answers(second)
	if got := server.SiteWarning(); got != "" {
		t.Error(got)
	}
	now = now.Add(10 * 365 * 24 * time.Hour)
	if got := server.SiteWarning(); !strings.Contains(got, "ran out") || !strings.Contains(got, cert) {
		t.Errorf("said of a certificate that has run out: %q", got)
	}
}

func TestBrowsersAcceptTheOwnCA(t *testing.T) {
	a := open(t, Options{})
	roots := x509.NewCertPool()
	roots.AddCert(a.CA())
	address, heard := serve(t, a.ServerTLS())
	for _, name := range []string{"files.example.net", "127.0.0.1", "203.0.113.5", "localhost"} {
		t.Run(name, func(t *testing.T) {
			if err := talk(address, &tls.Config{RootCAs: roots, ServerName: name}); err != nil || heard() != 4 {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	if err := talk(address,
		&tls.Config{RootCAs: roots, ServerName: "127.0.0.1", MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("TLS 1.2 is spoken")
	}
	heard()
}

// C1: the CA vouches for its own names and private addresses, and for no CA below it.
func TestConstraintsOfTheCA(t *testing.T) {
	a := open(t, Options{})
	roots := x509.NewCertPool()
	roots.AddCert(a.CA())
	for name, ok := range map[string]bool{
		"files.example.net": true, "www.bank.example": false, "10.1.2.3": true, "8.8.8.8": false,
	} {
		t.Run(name, func(t *testing.T) {
			var h Hosts
			h.add(name)
			leaf, err := makeTLSLeaf(a.ca, a.tlsKey.Public(), h, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots}); (err == nil) != ok {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	if ca := a.CA(); ca.MaxPathLen != 0 || !ca.MaxPathLenZero || !ca.PermittedDNSDomainsCritical {
		t.Errorf("path length %d", a.CA().MaxPathLen)
	}
	moved := open(t, Options{Folder: a.options.Folder, Hosts: Hosts{Names: []string{"www.bank.example"}}})
	if slices.Contains(moved.tlsLeaf().DNSNames, "www.bank.example") {
		t.Errorf("a name outside the constraints is in the leaf: %v", moved.tlsLeaf().DNSNames)
	}
}

// C12: not yet valid is a warning, expired an error that names the clock.
func TestClocks(t *testing.T) {
	now := time.Now()
	a := open(t, Options{Now: at(now)})
	presented := []*x509.Certificate{a.tlsLeaf(), a.CA()}
	for name, c := range map[string]struct {
		clock, seen time.Time
		warns, ok   bool
	}{
		"right":                              {now, time.Time{}, false, true},
		"a year behind":                      {now.AddDate(-1, 0, 0), time.Time{}, true, true},
		"a year behind, server's time known": {now.AddDate(-1, 0, 0), now, false, true},
		"a year ahead":                       {now.AddDate(1, 0, 0), time.Time{}, false, false},
		"server's time a year later":         {now, now.AddDate(1, 0, 0), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if !builtAt().IsZero() && c.warns {
				t.Skip("the test binary knows when it was built")
			}
			warned := ""
			p := Pin{ID: a.ID(), Now: at(c.clock), LastSeen: c.seen, Warn: func(s string) { warned = s }}
			err := p.verify(presented)
			if (err == nil) != c.ok || (warned != "") != c.warns {
				t.Errorf("error %v, warning %q", err, warned)
			}
			if err != nil && !strings.Contains(err.Error(), "clock") {
				t.Errorf("does not name the clock: %v", err)
			}
		})
	}
}

func TestSigningLeaf(t *testing.T) {
	a, other := open(t, Options{}), open(t, Options{})
	pin := Pin{ID: a.ID()}
	key, err := pin.VerifySigningLeaf(a.SigningChain())
	if err != nil || string(key.Bytes()) != string(a.SigningKey().Public().Bytes()) {
		t.Fatalf("own chain: %v: %v", err, errors.Unwrap(err))
	}
	for name, chain := range map[string][][]byte{
		"another server's":           other.SigningChain(),
		"another's beside the CA":    {other.SigningChain()[0], a.CA().Raw},
		"the TLS leaf":               {a.tlsLeaf().Raw, a.CA().Raw},
		"the CA itself":              {a.CA().Raw, a.CA().Raw},
		"nothing":                    nil,
		"garbage":                    {{1}, {2}},
		"two certificates, one slot": {append(a.SigningChain()[0], a.CA().Raw...)},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := pin.VerifySigningLeaf(chain); groupcast.ErrorCode(err) != groupcast.EUnauthorized {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}
