package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/groupcast/groupcast"
)

// sitePair reads the certificate and the key that browsers see, and says which of the two files
// is wrong.
func sitePair(certFile, keyFile string) (tls.Certificate, error) {
	chain, err := readBlock("--cert", certFile, "CERTIFICATE")
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readBlock("--key", keyFile, "PRIVATE KEY")
	if err != nil {
		return tls.Certificate{}, err
	}
	if block, _ := pem.Decode(chain); block != nil {
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return tls.Certificate{}, groupcast.Errorf(groupcast.EInvalid, "--cert %s holds a damaged certificate", certFile).
				WithHint("give the chain in PEM, leaf first").Wrap(err)
		}
	}
	c, err := tls.X509KeyPair(chain, key)
	switch {
	case err == nil:
		return c, nil
	case strings.Contains(err.Error(), "does not match"):
		return c, groupcast.Errorf(groupcast.EInvalid, "--key %s is not the key of the first certificate in --cert %s",
			keyFile, certFile).
			WithHint("the leaf comes first in the chain; is the key an older one?").Wrap(err)
	}
	return c, groupcast.Errorf(groupcast.EInvalid, "--key %s holds no key that can be used", keyFile).
		WithHint("give its private key in PEM, without a passphrase").Wrap(err)
}

// readBlock reads a file that must hold a block of a kind.
func readBlock(flag, path, kind string) ([]byte, error) {
	if path == "" {
		return nil, groupcast.Errorf(groupcast.EInvalid, "%s is missing", flag).WithHint("--cert and --key go together")
	}
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, groupcast.Errorf(groupcast.EInvalid, "%s %s: there is no such file", flag, path).
			WithHint("check the path").Wrap(err)
	case errors.Is(err, fs.ErrPermission):
		return nil, groupcast.Errorf(groupcast.EInvalid, "%s %s may not be read by this user", flag, path).
			WithHint("let the user that runs the server read it").Wrap(err)
	case err != nil:
		return nil, groupcast.Errorf(groupcast.EInvalid, "%s %s cannot be read: %v", flag, path, err).
			WithHint("name a file in PEM").Wrap(err)
	}
	for rest := b; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, groupcast.Errorf(groupcast.EInvalid, "%s %s holds no %s in PEM", flag, path, strings.ToLower(kind)).
				WithHint("--cert is the chain, leaf first, and --key its private key: are they the wrong way round?")
		}
		if strings.HasSuffix(block.Type, kind) {
			return b, nil
		}
	}
}
