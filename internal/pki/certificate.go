package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// How long certificates live. Leaves are renewed with a third of their life left.
const (
	caLife   = 20 * 365 * 24 * time.Hour
	leafLife = 90 * 24 * time.Hour
	backdate = time.Hour // for clocks that are a little behind
)

// signingURI marks the leaf that signs offers; documentSigning is its only purpose, because a
// certificate without any would be good for TLS too.
const signingURI = "groupcast:sign"

var documentSigning = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36}

// privateRanges are the addresses for which the CA may vouch besides the host's own: a browser
// that trusts the CA does not trust it for the rest of the internet.
var privateRanges = []string{
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
	"fc00::/7", "fe80::/10", "::1/128",
}

func template(name string, now time.Time, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("draw serial number: %w", err)
	}
	return &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name, Organization: []string{"groupcast"}},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(life),
		BasicConstraintsValid: true,
	}, nil
}

// makeCA signs a CA certificate with its own key: no CA below it, names of this server and
// private addresses only.
func makeCA(key crypto.Signer, id protocol.ServerID, hosts Hosts, now time.Time) (*x509.Certificate, error) {
	t, err := template("groupcast CA "+ShortFingerprint(id), now, caLife)
	if err != nil {
		return nil, err
	}
	t.IsCA, t.MaxPathLen, t.MaxPathLenZero = true, 0, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	t.PermittedDNSDomainsCritical = true
	t.PermittedDNSDomains = append([]string{InternalName(id), "localhost"}, hosts.Names...)
	for _, r := range privateRanges {
		_, n, err := net.ParseCIDR(r)
		if err != nil {
			return nil, fmt.Errorf("private ranges: %w", err)
		}
		t.PermittedIPRanges = append(t.PermittedIPRanges, n)
	}
	for _, a := range hosts.Addrs {
		t.PermittedIPRanges = append(t.PermittedIPRanges, hostRange(a))
	}
	return sign(t, t, key.Public(), key)
}

func hostRange(a netip.Addr) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
}

// makeTLSLeaf signs the certificate that clients and browsers see.
func makeTLSLeaf(ca authority, public crypto.PublicKey, hosts Hosts, now time.Time) (*x509.Certificate, error) {
	t, err := template(InternalName(ca.id), now, leafLife)
	if err != nil {
		return nil, err
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	t.DNSNames = append([]string{InternalName(ca.id), "localhost"}, hosts.Names...)
	for _, a := range hosts.Addrs {
		t.IPAddresses = append(t.IPAddresses, a.AsSlice())
	}
	return sign(t, ca.certificate, public, ca.key)
}

// makeSigningLeaf signs the certificate of the key that offers are signed with.
func makeSigningLeaf(ca authority, public crypto.PublicKey, now time.Time) (*x509.Certificate, error) {
	t, err := template("groupcast offers", now, leafLife)
	if err != nil {
		return nil, err
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.UnknownExtKeyUsage = []asn1.ObjectIdentifier{documentSigning}
	t.URIs = []*url.URL{{Scheme: "groupcast", Opaque: "sign"}}
	return sign(t, ca.certificate, public, ca.key)
}

func sign(t, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate of %s: %w", t.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}
