package pki

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/durable"
)

// maxPEMBytes bounds what is read of a key or certificate file.
const maxPEMBytes = 64 << 10

func writeKey(path string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	return durable.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func writeCertificate(path string, c *x509.Certificate) error {
	return durable.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// readKey reads a private key. Files that others may read are refused.
func readKey(path string) (crypto.Signer, error) {
	der, err := readPEM(path, "PRIVATE KEY", true)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, damaged(path, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, damaged(path, errors.New("not a key that signs"))
	}
	return signer, nil
}

func readCertificate(path string) (*x509.Certificate, error) {
	der, err := readPEM(path, "CERTIFICATE", false)
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, damaged(path, err)
	}
	return c, nil
}

func readPEM(path, kind string, secret bool) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key or certificate: %w", err)
	}
	if secret && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, groupcast.Errorf(groupcast.EForbidden, "others may read the private key %s (mode %04o)", path,
			info.Mode().Perm()).
			WithHint("if nobody did: chmod 600 %s", path)
	}
	if !info.Mode().IsRegular() || info.Size() > maxPEMBytes {
		return nil, damaged(path, errors.New("not a small regular file"))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key or certificate: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != kind {
		return nil, damaged(path, errors.New("no PEM block "+kind))
	}
	return block.Bytes, nil
}

func damaged(path string, err error) error {
	return groupcast.Errorf(groupcast.EInternal, "%s is damaged", path).
		WithHint("restore the server's home from a backup: groupcast restore FILE --force").Wrap(err)
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
