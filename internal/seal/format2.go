package seal

import (
	"crypto/ed25519"
	"crypto/subtle"
	"fmt"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// Labels of format 2 (docs/format-2.md §9). Offers, pages and receipts begin with their own.
const (
	labelSync2       = "groupcast/2 sync\x00"
	labelAnnounce2   = "groupcast/2 announce\x00"
	labelProbe2      = "groupcast/2 probe\x00"
	labelCertificate = "groupcast/2 beacon-cert\x00"
	labelBeacon      = "groupcast/2 beacon\x00"
	labelOpened      = "groupcast/2 sync-key\x00"
)

// VerifyOffer2 checks the signature of an offer of format 2 and reads it.
func VerifyOffer2(key VerifyKey, offer, signature []byte) (format2.Offer, error) {
	o, err := format2.ParseOffer(offer)
	if err != nil {
		return format2.Offer{}, fmt.Errorf("offer: %w", err)
	}
	if err := key.verify(offer, signature); err != nil {
		return format2.Offer{}, fmt.Errorf("offer: %w", err)
	}
	return o, nil
}

// SignPage gives a whole page: what is signed, and the signature.
func SignPage(key SigningKey, p format2.Page) []byte {
	b := format2.AppendPage(nil, p)
	return append(b, key.sign(b)...)
}

// SplitPage parts a page into what is signed and the signature; false: it is too short to be one.
func SplitPage(page []byte) (signed, signature []byte, ok bool) {
	if len(page) < format2.MinPageBytes {
		return nil, nil, false
	}
	cut := len(page) - wire.SignatureBytes
	return page[:cut], page[cut:], true
}

// VerifyPage checks the signature of a page that was split.
func VerifyPage(key VerifyKey, signed, signature []byte) error {
	if err := key.verify(signed, signature); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	return nil
}

// SignReceipt2 signs with the device's key.
func SignReceipt2(key SigningKey, r format2.Receipt) (signed, signature []byte, err error) {
	if err := r.Check(); err != nil {
		return nil, nil, fmt.Errorf("receipt: %w", err)
	}
	b := format2.AppendReceipt(nil, r)
	return b, key.sign(b), nil
}

// OpenReceipt2 checks the signature over a receipt's bytes and reads them.
func OpenReceipt2(key VerifyKey, signed, signature []byte) (format2.Receipt, error) {
	if err := key.verify(signed, signature); err != nil {
		return format2.Receipt{}, fmt.Errorf("receipt: %w", err)
	}
	r, err := format2.ParseReceipt(signed)
	if err != nil {
		return format2.Receipt{}, fmt.Errorf("receipt: %w", err)
	}
	return r, nil
}

// SignAnnounce2 and SignProbe2 make whole packets.
func SignAnnounce2(key SigningKey, a wire.Announce) []byte {
	return signClear(key, labelAnnounce2, format2.AppendAnnounce(nil, a))
}

// SignProbe2 makes the whole packet of a probe.
func SignProbe2(key SigningKey, p wire.Probe) []byte {
	return signClear(key, labelProbe2, format2.AppendProbe(nil, p))
}

// VerifyClear2 checks an announcement or a probe and gives its server, its group and its number or nonce.
func VerifyClear2(key VerifyKey, packet []byte, kind wire.Kind) (
	server wire.ServerPrefix, group protocol.GroupID, word [16]byte, err error,
) {
	if server, group, word, err = format2.ParseClear(packet, kind); err != nil {
		return server, group, word, err
	}
	label := labelAnnounce2
	if kind == wire.KindProbe {
		label = labelProbe2
	}
	return server, group, word, verifyClear(key, label, packet)
}

// SignBeacon certifies a beacon's key with the server's, and makes the packet with its own.
func SignBeacon(server, own SigningKey, b format2.Beacon) []byte {
	b.Key = [32]byte(own.Public().Bytes())
	b.Certificate = [64]byte(server.sign(b.AppendCertified([]byte(labelCertificate))))
	return signClear(own, labelBeacon, format2.AppendBeacon(nil, b))
}

// VerifyBeacon checks a beacon: its certificate by the server's key, then its own signature.
func VerifyBeacon(server VerifyKey, packet []byte) (format2.Beacon, error) {
	b, err := format2.ParseBeacon(packet)
	if err != nil {
		return format2.Beacon{}, fmt.Errorf("beacon: %w", err)
	}
	if err := server.verify(b.AppendCertified([]byte(labelCertificate)), b.Certificate[:]); err != nil {
		return format2.Beacon{}, fmt.Errorf("beacon's certificate: %w", err)
	}
	own := VerifyKey{ed25519.PublicKey(b.Key[:])}
	signed, signature := packet[:format2.BeaconSigned], packet[format2.BeaconSigned:]
	if err := own.verify(labelled(labelBeacon, signed), signature); err != nil {
		return format2.Beacon{}, fmt.Errorf("beacon: %w", err)
	}
	return b, nil
}

// SignOpened signs what a relay says of a session that it opened: with its own key, and with that of its SYNCs.
func SignOpened(key SigningKey, o format2.Offer) []byte {
	return key.sign(o.AppendOpened([]byte(labelOpened)))
}

// VerifyOpened checks what SignOpened signed.
func VerifyOpened(key VerifyKey, o format2.Offer, signature []byte) error {
	return key.verify(o.AppendOpened([]byte(labelOpened)), signature)
}

// KeyCheck2 is what an offer of format 2 says about its session's secret.
func KeyCheck2(secret Secret, server protocol.ServerID, session protocol.SessionID) [16]byte {
	return keyCheckOf(format2Name, secret, server, session)
}

// RelayFeedbackKey is the key of a device's feedback to a relay, out of the root that the relay drew.
func RelayFeedbackKey(root Secret, id protocol.FeedbackID, device protocol.DeviceID) Secret {
	return Secret(expand(root[:], infoOf(format2Name, "feedback key", id[:], device[:]), SecretBytes))
}

// Seal2 appends a whole feedback packet of format 2 to dst.
func (s *FeedbackSealer) Seal2(dst []byte, f format2.Feedback) []byte {
	start := len(dst)
	dst = format2.AppendFeedbackHeader(dst, wire.FeedbackHeader{ID: s.id, Counter: s.counter})
	nonceInto(&s.nonce, &noIV, s.counter)
	s.counter++
	aad := dst[start:]
	body := format2.AppendFeedback(make([]byte, 0, format2.FeedbackBodyBytes), f)
	return s.aead.Seal(dst, s.nonce[:], body, aad)
}

// Open2 is Open for format 2.
func (o *FeedbackOpener) Open2(packet []byte) (format2.Feedback, error) {
	h, err := format2.ParseFeedbackHeader(packet)
	if err != nil {
		return format2.Feedback{}, fmt.Errorf("feedback: %w", err)
	}
	body, err := o.open(h, packet)
	if err != nil {
		return format2.Feedback{}, err
	}
	f, err := format2.ParseFeedback(body)
	if err != nil {
		return format2.Feedback{}, fmt.Errorf("feedback: %w", err)
	}
	return f, nil
}

// sameKey compares in constant time.
func sameKey(a, b [16]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }
