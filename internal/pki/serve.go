package pki

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"strings"
)

// ServerTLS is the configuration of the control plane: TLS 1.3 only; Go's default list of key
// exchanges, hybrid post-quantum first, stays untouched (K8).
func (a *Authority) ServerTLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: a.certificateFor,
	}
}

// certificateFor chooses by name: clients of groupcast ask for the internal name and get the
// own leaf, browsers get the site's certificate if there is one.
func (a *Authority) certificateFor(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if site := a.siteCertificate(); site != nil && !internal(hello.ServerName) {
		return site, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.renewIfDue()
	return &tls.Certificate{
		Certificate: [][]byte{a.leaf.Raw, a.ca.certificate.Raw},
		PrivateKey:  a.tlsKey,
		Leaf:        a.leaf,
	}, nil
}

// IsInternal says whether a name is one that clients of groupcast ask for.
func IsInternal(name string) bool { return internal(name) }

func internal(name string) bool {
	return name == internalDomain || strings.HasSuffix(name, "."+internalDomain)
}

// KnowsHost says whether a request's Host is a name or address of the server: any other one is
// answered 421 before routing (W4, DNS rebinding).
func (a *Authority) KnowsHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	a.mu.Lock()
	leaf, site := a.leaf, a.site
	a.mu.Unlock()
	return names(leaf, host) || (site != nil && site.Leaf != nil && names(site.Leaf, host))
}

func names(c *x509.Certificate, host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		host = a.Unmap().WithZone("").String()
	}
	return c.VerifyHostname(host) == nil
}
