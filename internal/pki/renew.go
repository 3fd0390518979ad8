package pki

import (
	"crypto"
	"crypto/x509"
	"time"
)

// renew loads the leaves and makes those again that are missing, damaged, about to run out, of
// another CA or key, or without a name they need. A leaf is worth nothing by itself, so
// whatever is wrong with one is healed silently; keys and the CA are not.
func (a *Authority) renew() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.leaf, _ = readCertificate(a.path("tls.pem"))  // unreadable: nil, made anew
	a.sign, _ = readCertificate(a.path("sign.pem")) // likewise
	return a.renewLocked()
}

func (a *Authority) renewLocked() error {
	now := a.options.Now()
	if !a.usable(a.leaf, a.tlsKey.Public(), now) || !a.options.Hosts.covers(a.leaf) {
		leaf, err := makeTLSLeaf(a.ca, a.tlsKey.Public(), a.options.Hosts, now)
		if err != nil {
			return err
		}
		if err := writeCertificate(a.path("tls.pem"), leaf); err != nil {
			return err
		}
		a.leaf = leaf
	}
	if a.usable(a.sign, a.signKey.Public(), now) {
		return nil
	}
	leaf, err := makeSigningLeaf(a.ca, a.signKey.Public(), now)
	if err != nil {
		return err
	}
	a.sign = leaf
	return writeCertificate(a.path("sign.pem"), leaf)
}

// renewIfDue is renewLocked in passing: while a certificate is still good, a disk that is full
// is no reason to turn clients away.
func (a *Authority) renewIfDue() {
	now := a.options.Now()
	if fresh(a.leaf, now) && fresh(a.sign, now) {
		return
	}
	if err := a.renewLocked(); err != nil {
		return // the old leaf is served until it runs out; clients then say so
	}
}

// fresh says whether more than a third of a leaf's life is left.
func fresh(c *x509.Certificate, now time.Time) bool {
	return c != nil && now.Before(c.NotAfter.Add(-leafLife/3)) && !now.Before(c.NotBefore)
}

func (a *Authority) usable(c *x509.Certificate, key crypto.PublicKey, now time.Time) bool {
	if !fresh(c, now) || c.CheckSignatureFrom(a.ca.certificate) != nil {
		return false
	}
	own, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && own.Equal(key)
}
