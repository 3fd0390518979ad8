package pki

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

// Pin is what a client knows of its server, and the time it judges certificates by. Freshness
// never comes from the client's clock (C12).
type Pin struct {
	ID       protocol.ServerID
	Now      func() time.Time  // nil: the clock
	LastSeen time.Time         // the last time the pinned server told, zero for none
	Warn     func(text string) // told when a certificate is not yet valid; may be nil
}

// ClientTLS is the configuration of every connection to the pinned server, whatever address it
// is reached at: the internal name goes into SNI, and VerifyConnection, which runs on
// resumption too, does all the checking (C1).
func (p Pin) ClientTLS() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		ServerName:         InternalName(p.ID),
		InsecureSkipVerify: true, // the name and the roots are checked below, against the pin
		VerifyConnection: func(state tls.ConnectionState) error {
			return p.verify(state.PeerCertificates)
		},
	}
}

// verify finds the CA by the pin among what was presented, then checks the leaf with that CA
// as only root: to present the genuine CA with a foreign leaf gains nothing.
func (p Pin) verify(presented []*x509.Certificate) error {
	if len(presented) == 0 {
		return p.stranger(errors.New("no certificate"))
	}
	ca, err := findCA(p.ID, presented[1:])
	if err != nil {
		return p.stranger(err)
	}
	return p.chain(presented[0], ca, x509.VerifyOptions{
		DNSName:   InternalName(p.ID),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

func findCA(id protocol.ServerID, presented []*x509.Certificate) (*x509.Certificate, error) {
	i := slices.IndexFunc(presented, func(c *x509.Certificate) bool { return Fingerprint(c) == id })
	if i < 0 {
		return nil, errors.New("the pinned CA is not among the certificates")
	}
	ca := presented[i]
	if !ca.IsCA || ca.CheckSignatureFrom(ca) != nil {
		return nil, errors.New("the pinned key's certificate is not one of a CA")
	}
	return ca, nil
}

// chain verifies a TLS leaf with the CA as only root.
func (p Pin) chain(leaf, ca *x509.Certificate, o x509.VerifyOptions) error {
	at, err := p.judgedAt(leaf, ca)
	if err != nil {
		return err
	}
	o.Roots, o.CurrentTime = x509.NewCertPool(), at
	o.Roots.AddCert(ca)
	if _, err := leaf.Verify(o); err != nil {
		return p.stranger(err)
	}
	return nil
}

// judgedAt gives the time at which the certificates are judged: now, or the first moment at
// which both are valid, with a warning. One that has ended is an error that names the clock.
func (p Pin) judgedAt(leaf, ca *x509.Certificate) (time.Time, error) {
	now := p.certificateTime()
	at := now
	for _, c := range []*x509.Certificate{leaf, ca} {
		if c.NotBefore.After(at) {
			at = c.NotBefore
		}
	}
	for _, c := range []*x509.Certificate{leaf, ca} {
		if at.After(c.NotAfter) {
			return at, groupcast.Errorf(groupcast.EUnauthorized, "the server's certificate ended on %s, and here it is %s",
				c.NotAfter.Format(time.DateTime), now.Format(time.DateTime)).
				WithHint("set this machine's clock right; if it is, restart the server: it renews its certificate")
		}
	}
	if at.After(now) && p.Warn != nil {
		p.Warn(fmt.Sprintf("the server's certificate begins on %s, and here it is %s: one of the two clocks is off",
			at.Format(time.DateTime), now.Format(time.DateTime)))
	}
	return at, nil
}

func (p Pin) stranger(err error) error {
	return groupcast.Errorf(groupcast.EUnauthorized, "this is not the server with the fingerprint %s…",
		ShortFingerprint(p.ID)).
		WithHint("something answers in its place; if the server was set up anew, `groupcast logout` forgets it and " +
			"`groupcast login` asks for the new fingerprint").
		Wrap(err)
}

// certificateTime is the latest time that is known to have been.
func (p Pin) certificateTime() time.Time {
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	t := now()
	for _, known := range []time.Time{builtAt(), p.LastSeen} {
		if known.After(t) {
			t = known
		}
	}
	return t
}

// builtAt is the time of the program's last commit, as the linker stamped it; zero without.
func builtAt() time.Time {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return time.Time{}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			t, err := time.Parse(time.RFC3339, s.Value)
			if err == nil {
				return t
			}
		}
	}
	return time.Time{}
}

// VerifySigningLeaf checks the chain of groupcast.AgentState.Signing against the pin and gives
// the key that offers are verified with. A TLS leaf does not pass for one.
func (p Pin) VerifySigningLeaf(chain [][]byte) (seal.VerifyKey, error) {
	leaf, ca, err := signingChain(p.ID, chain)
	if err != nil {
		return seal.VerifyKey{}, p.stranger(err)
	}
	if _, err := p.judgedAt(leaf, ca); err != nil {
		return seal.VerifyKey{}, err
	}
	return signingKeyOf(leaf)
}

// signingChain checks a signing leaf and the pinned CA, but for the time.
func signingChain(id protocol.ServerID, chain [][]byte) (leaf, ca *x509.Certificate, err error) {
	if len(chain) != 2 {
		return nil, nil, errors.New("signing chain: want a leaf and a CA")
	}
	certificates, err := x509.ParseCertificates(bytes.Join(chain, nil))
	if err != nil {
		return nil, nil, fmt.Errorf("signing chain: %w", err)
	}
	if len(certificates) != 2 {
		return nil, nil, fmt.Errorf("signing chain: %d certificates, want a leaf and a CA", len(certificates))
	}
	if ca, err = findCA(id, certificates[1:]); err != nil {
		return nil, nil, err
	}
	return certificates[0], ca, checkSigning(certificates[0], ca)
}

// SigningKeyAt is VerifySigningLeaf for what was signed at a time that is past: both certificates
// have to have been valid then, whatever they are now.
func SigningKeyAt(id protocol.ServerID, chain [][]byte, at time.Time) (seal.VerifyKey, error) {
	leaf, ca, err := signingChain(id, chain)
	if err != nil {
		return seal.VerifyKey{}, err
	}
	for _, c := range []*x509.Certificate{leaf, ca} {
		if at.Before(c.NotBefore) || at.After(c.NotAfter) {
			return seal.VerifyKey{}, fmt.Errorf("the certificate of %s was not valid on %s", c.Subject.CommonName, at.UTC().
				Format(time.DateTime))
		}
	}
	return signingKeyOf(leaf)
}

// checkSigning checks that the CA signed the leaf for this one purpose. x509's Verify cannot:
// it refuses every URI without a host as soon as the CA constrains any names.
func checkSigning(leaf, ca *x509.Certificate) error {
	if err := leaf.CheckSignatureFrom(ca); err != nil {
		return fmt.Errorf("signing leaf: %w", err)
	}
	if len(leaf.URIs) != 1 || leaf.URIs[0].String() != signingURI {
		return errors.New("signing leaf: no " + signingURI)
	}
	onlySigning := len(leaf.UnknownExtKeyUsage) == 1 && leaf.UnknownExtKeyUsage[0].Equal(documentSigning)
	if leaf.IsCA || len(leaf.ExtKeyUsage) != 0 || !onlySigning || len(leaf.UnhandledCriticalExtensions) != 0 {
		return errors.New("signing leaf: it has other purposes")
	}
	return nil
}

// Discover asks an address who it is, before anything is pinned: it ends the connection after
// the handshake and sends no byte of HTTP. What it finds is only a claim; a human compares it
// with the server's screen (C2).
func Discover(ctx context.Context, address string) (protocol.ServerID, error) {
	var id protocol.ServerID
	config := &tls.Config{
		MinVersion:         tls.VersionTLS13,
		ServerName:         internalDomain,
		InsecureSkipVerify: true, // nothing is pinned yet: VerifyConnection checks the claim itself
		VerifyConnection: func(state tls.ConnectionState) (err error) {
			id, err = claimed(state.PeerCertificates)
			return err
		},
	}
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: config}
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return protocol.ServerID{}, groupcast.Errorf(groupcast.EUnavailable, "no groupcast server answers at %s", address).
			WithHint("check the address and port, that `groupcast serve` runs there, and the firewall (TCP %d)",
				protocol.ControlPort).Wrap(err)
	}
	connection.Close() // nothing was said on it
	return id, nil
}

func claimed(presented []*x509.Certificate) (protocol.ServerID, error) {
	if len(presented) != 2 {
		return protocol.ServerID{}, strangerOf(presented)
	}
	p := Pin{ID: Fingerprint(presented[1])}
	if err := p.verify(presented); err != nil {
		return p.ID, strangerOf(presented)
	}
	return p.ID, nil
}

// Stranger is what speaks TLS and is no groupcast server.
type Stranger struct {
	Name string // that its certificate is for; empty: none
}

func (s Stranger) Error() string { return "not a groupcast server" }

func strangerOf(presented []*x509.Certificate) Stranger {
	if len(presented) == 0 {
		return Stranger{}
	}
	if names := presented[0].DNSNames; len(names) > 0 {
		return Stranger{names[0]}
	}
	return Stranger{presented[0].Subject.CommonName}
}

func signingKeyOf(leaf *x509.Certificate) (seal.VerifyKey, error) {
	public, ok := leaf.PublicKey.(ed25519.PublicKey)
	if !ok {
		return seal.VerifyKey{}, fmt.Errorf("signing leaf: want an Ed25519 key, got %T", leaf.PublicKey)
	}
	return seal.VerifyKeyFrom(public)
}
