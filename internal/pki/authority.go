package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

// Options say how the server's certificates are made and kept.
type Options struct {
	Folder string           // HOME/server, 0700
	Hosts  Hosts            // for browsers
	Now    func() time.Time // nil: the clock
	// CertFile and KeyFile are a company's or public certificate; browsers see it, clients of
	// groupcast never accept it (C1).
	CertFile, KeyFile string
}

// authority is the CA itself.
type authority struct {
	id          protocol.ServerID
	certificate *x509.Certificate
	key         crypto.Signer
}

// Authority is the server's CA with its two leaves. It is safe for concurrent use.
type Authority struct {
	ca      authority
	options Options
	tlsKey  crypto.Signer
	signKey ed25519.PrivateKey

	mu   sync.Mutex       // guards what follows
	site *tls.Certificate // --cert, nil without
	leaf *x509.Certificate
	sign *x509.Certificate
}

// Open loads the CA and its leaves from the folder; what is not there yet is made, and leaves
// that run out or lack a name are renewed. The CA's key is made once: with it the server's
// fingerprint would change.
func Open(o Options) (*Authority, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &Authority{options: o}
	if err := a.openCA(); err != nil {
		return nil, err
	}
	a.options.Hosts = o.Hosts.within(a.ca.certificate)
	if err := a.openKeys(); err != nil {
		return nil, err
	}
	if err := a.openSite(); err != nil {
		return nil, err
	}
	return a, a.renew()
}

func (a *Authority) path(name string) string { return filepath.Join(a.options.Folder, name) }

func (a *Authority) openCA() error {
	key, err := a.openCAKey()
	if err != nil {
		return err
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("encode the CA's public key: %w", err)
	}
	a.ca = authority{id: sha256.Sum256(spki), key: key}
	a.ca.certificate, err = readCertificate(a.path("ca.pem"))
	if missing(err) { // first start, or one that ended between the two files
		a.ca.certificate, err = makeCA(key, a.ca.id, a.options.Hosts, a.options.Now())
		if err != nil {
			return err
		}
		return writeCertificate(a.path("ca.pem"), a.ca.certificate)
	}
	if err == nil && Fingerprint(a.ca.certificate) != a.ca.id {
		err = damaged(a.path("ca.pem"), fmt.Errorf("it is not of ca.key"))
	}
	return err
}

// openCAKey makes a key only where there was never a CA.
func (a *Authority) openCAKey() (crypto.Signer, error) {
	path := a.path("ca.key")
	key, err := readKey(path)
	if !missing(err) {
		return key, err
	}
	if _, err := os.Stat(a.path("ca.pem")); err == nil {
		return nil, groupcast.Errorf(groupcast.EInternal, "the CA's key %s is gone, its certificate is there", path).
			WithHint("restore the server's home from a backup: groupcast restore FILE --force")
	}
	return newP256(path)
}

// newP256 makes the kind of key that every browser takes.
func newP256(path string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return key, writeKey(path, key)
}

func (a *Authority) openKeys() error {
	var err error
	if a.tlsKey, err = readKey(a.path("tls.key")); missing(err) {
		a.tlsKey, err = newP256(a.path("tls.key"))
	}
	if err != nil {
		return err
	}
	return a.openSignKey()
}

func (a *Authority) openSignKey() error {
	key, err := readKey(a.path("sign.key"))
	if missing(err) {
		_, fresh, err := ed25519.GenerateKey(nil)
		if err != nil {
			return fmt.Errorf("make key: %w", err)
		}
		a.signKey = fresh
		return writeKey(a.path("sign.key"), fresh)
	}
	if err != nil {
		return err
	}
	ed, ok := key.(ed25519.PrivateKey)
	if !ok {
		return damaged(a.path("sign.key"), fmt.Errorf("want Ed25519, got %T", key))
	}
	a.signKey = ed
	return nil
}

func (a *Authority) openSite() error {
	if a.options.CertFile == "" && a.options.KeyFile == "" {
		return nil
	}
	c, err := sitePair(a.options.CertFile, a.options.KeyFile)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.site = &c
	a.mu.Unlock()
	return nil
}

// Reload reads the certificate for browsers and its key again; an error leaves the one before.
func (a *Authority) Reload() error { return a.openSite() }

// SiteWarning says why browsers refuse the certificate of --cert although it can be used: "" if
// they do not, or there is none.
func (a *Authority) SiteWarning() string {
	site := a.siteCertificate()
	if site == nil {
		return ""
	}
	leaf, err := x509.ParseCertificate(site.Certificate[0])
	now := a.options.Now()
	switch {
	case err != nil:
		return "" // sitePair took it
	case now.After(leaf.NotAfter):
		return fmt.Sprintf("the certificate in --cert %s ran out on %s: browsers refuse it; renew it, then send SIGHUP",
			a.options.CertFile, leaf.NotAfter.Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		return fmt.Sprintf("the certificate in --cert %s is not valid before %s: browsers refuse it until then; is this "+
			"machine's clock right?", a.options.CertFile, leaf.NotBefore.Format(time.DateOnly))
	}
	return ""
}

// HasSite says that browsers see a certificate of their own.
func (a *Authority) HasSite() bool { return a.siteCertificate() != nil }

func (a *Authority) siteCertificate() *tls.Certificate {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.site
}

// ID is the server's identity: the fingerprint that clients pin.
func (a *Authority) ID() protocol.ServerID { return a.ca.id }

// CA is the CA's certificate, for those who import it into a browser.
func (a *Authority) CA() *x509.Certificate { return a.ca.certificate }

// SigningKey signs offers, SYNCs, announcements and probes. It never does TLS.
func (a *Authority) SigningKey() seal.SigningKey {
	k, err := seal.SigningKeyFrom(a.signKey)
	if err != nil {
		panic(err) // openSignKey took nothing else
	}
	return k
}

// SigningChain is the signing leaf and the CA in DER: what groupcast.AgentState.Signing carries.
func (a *Authority) SigningChain() [][]byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.renewIfDue()
	return [][]byte{a.sign.Raw, a.ca.certificate.Raw}
}

// LeafFingerprint is the SHA-256 of the certificate that browsers show in their dialog.
func (a *Authority) LeafFingerprint() protocol.Digest {
	if site := a.siteCertificate(); site != nil {
		return sha256.Sum256(site.Certificate[0])
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return sha256.Sum256(a.leaf.Raw)
}
