package format2

import (
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// clearBytes is what is signed of an announcement or a probe.
const clearBytes = wire.AnnounceBytes - wire.SignatureBytes

// ParseClear reads an announcement's or a probe's server, group and the 16 bytes that are its number or nonce:
// the layouts of format 1 with version 2.
func ParseClear(packet []byte, kind wire.Kind) (
	server wire.ServerPrefix, group protocol.GroupID, word [16]byte, err error,
) {
	if len(packet) != clearBytes+signatureBytes {
		return server, group, word, ErrLength
	}
	if _, err := checkFirst(packet[0], kind); err != nil {
		return server, group, word, err
	}
	r := reader{b: packet[1:]}
	return wire.ServerPrefix(r.take(8)), protocol.GroupID(r.take(16)), [16]byte(r.take(16)), nil
}

// AppendAnnounce writes the signed part of an announcement.
func AppendAnnounce(dst []byte, a wire.Announce) []byte {
	return asVersion2(dst, wire.AppendAnnounce(nil, a))
}

// AppendProbe writes the signed part of a probe.
func AppendProbe(dst []byte, p wire.Probe) []byte { return asVersion2(dst, wire.AppendProbe(nil, p)) }

func asVersion2(dst, packet []byte) []byte {
	packet[0] = Version<<4 | packet[0]&0xF
	return append(dst, packet...)
}

// kindBeacon is the kind of a beacon's packet.
const kindBeacon wire.Kind = 6

// Lengths of a beacon: what its certificate signs, with the first byte, and the packet.
const (
	beaconCertificate = 1 + 32 + 16 + 16 + 32 + 8
	BeaconSigned      = beaconCertificate + signatureBytes + 16 + 8
	BeaconBytes       = BeaconSigned + signatureBytes
)

// Beacon says that a sender is to be heard at a site.
type Beacon struct {
	Server      protocol.ServerID
	Site        protocol.SiteID
	Relay       protocol.RelayID
	Key         [32]byte // Ed25519, that signs the beacon …
	Serial      uint64
	Certificate [signatureBytes]byte // … and is signed by the server
	Nonce       [16]byte
	Sequence    uint64
}

// ParseBeacon reads a beacon; its signature is the packet's last 64 bytes.
func ParseBeacon(packet []byte) (Beacon, error) {
	if len(packet) != BeaconBytes {
		return Beacon{}, ErrLength
	}
	if _, err := checkFirst(packet[0], kindBeacon); err != nil {
		return Beacon{}, err
	}
	r := reader{b: packet[1:]}
	return Beacon{
		Server: protocol.ServerID(r.take(32)), Site: protocol.SiteID(r.take(16)), Relay: protocol.RelayID(r.take(16)),
		Key: [32]byte(r.take(32)), Serial: r.u64(), Certificate: [signatureBytes]byte(r.take(signatureBytes)),
		Nonce: [16]byte(r.take(16)), Sequence: r.u64(),
	}, nil
}

// AppendBeacon writes what a beacon's own key signs.
func AppendBeacon(dst []byte, b Beacon) []byte {
	dst = append(dst, firstByte(kindBeacon))
	dst = b.AppendCertified(dst)
	dst = append(dst, b.Certificate[:]...)
	dst = append(dst, b.Nonce[:]...)
	return be.AppendUint64(dst, b.Sequence)
}

// AppendCertified writes what the server signs of a beacon's key.
func (b *Beacon) AppendCertified(dst []byte) []byte {
	dst = append(dst, b.Server[:]...)
	dst = append(dst, b.Site[:]...)
	dst = append(dst, b.Relay[:]...)
	dst = append(dst, b.Key[:]...)
	return be.AppendUint64(dst, b.Serial)
}

// AppendOpened writes what a relay's key and the key of its SYNCs sign of a session that it opened
// (docs/format-2.md §4), behind the label.
func (o *Offer) AppendOpened(dst []byte) []byte {
	dst = append(dst, o.Server[:]...)
	dst = append(dst, o.Site[:]...)
	dst = be.AppendUint64(dst, o.SiteEpoch)
	dst = append(dst, o.Relay[:]...)
	dst = append(dst, o.Session[:]...)
	dst = append(dst, o.KeyCheck[:]...)
	dst = append(dst, o.SyncKey[:]...)
	dst = append(dst, o.Anchor[:]...)
	dst = appendAddrPort(dst, o.Source)
	dst = be.AppendUint16(dst, o.FeedbackPort)
	return be.AppendUint16(dst, o.RelayPort)
}
