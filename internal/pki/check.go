package pki

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/groupcast/groupcast/internal/protocol"
)

// CheckFolder says whether a folder holds all keys and certificates of one server, each fitting the
// others, and which server it is. It changes nothing. Expired leaf certificates are fine: they are renewed
// at the start.
func CheckFolder(folder string) (protocol.ServerID, error) {
	key, ca, err := readPair(folder, "ca")
	if err != nil {
		return protocol.ServerID{}, err
	}
	if err := sameKey(key, ca); err != nil {
		return protocol.ServerID{}, damaged(filepath.Join(folder, "ca.pem"), err)
	}
	for _, name := range []string{"sign", "tls"} {
		key, leaf, err := readPair(folder, name)
		if err == nil {
			err = errors.Join(sameKey(key, leaf), leaf.CheckSignatureFrom(ca))
		}
		if err != nil {
			return protocol.ServerID{}, fmt.Errorf("%s.key and %s.pem: %w", name, name, err)
		}
	}
	return Fingerprint(ca), nil
}

func readPair(folder, name string) (crypto.Signer, *x509.Certificate, error) {
	key, err := readKey(filepath.Join(folder, name+".key"))
	if err != nil {
		return nil, nil, err
	}
	c, err := readCertificate(filepath.Join(folder, name+".pem"))
	return key, c, err
}

func sameKey(key crypto.Signer, c *x509.Certificate) error {
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if !bytes.Equal(spki, c.RawSubjectPublicKeyInfo) {
		return errors.New("the certificate is of another key")
	}
	return nil
}
