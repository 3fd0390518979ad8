package wire

import "github.com/groupcast/groupcast/internal/protocol"

// Sizes of announcements and probes: both are 105 bytes, signed, in clear.
const (
	SignatureBytes = 64
	unsignedBytes  = 41
	AnnounceBytes  = unsignedBytes + SignatureBytes
	ProbeBytes     = AnnounceBytes
)

// ServerPrefix is the first part of a server's ID: enough to choose the key to verify with.
type ServerPrefix [8]byte

// PrefixOf cuts a server's ID.
func PrefixOf(id protocol.ServerID) ServerPrefix { return ServerPrefix(id[:8]) }

// Announce says by multicast that an offer exists. Devices that receive it read their state over TLS.
type Announce struct {
	Server ServerPrefix
	Group  protocol.GroupID
	Number protocol.OfferNo
}

// Probe needs no answer: receivers report its nonce over TLS when the server asks there.
type Probe struct {
	Server ServerPrefix
	Group  protocol.GroupID
	Nonce  [16]byte
}

// PacketKind returns the kind of any group packet, by its first byte.
func PacketKind(packet []byte) (Kind, error) {
	if len(packet) == 0 {
		return 0, ErrLength
	}
	return checkFirst(packet[0], KindData, KindSync, KindDigest, KindAnnounce, KindProbe)
}

// ParseAnnounce reads an announcement; its signature is the packet's last 64 bytes:
//
//	 0  1 version (4 bits, = 1) │ kind (4 bits, = 4)
//	 1  8 first of the server's ID
//	 9 16 group
//	25 16 offer number
func ParseAnnounce(packet []byte) (Announce, error) {
	r, err := clearPart(packet, KindAnnounce)
	if err != nil {
		return Announce{}, err
	}
	a := Announce{Server: ServerPrefix(r.take(8)), Group: protocol.GroupID(r.take(16))}
	if high := r.u64(); high != 0 {
		return Announce{}, errField("offer number", high)
	}
	a.Number = protocol.OfferNo(r.u64())
	return a, nil
}

// AppendAnnounce writes the signed part of an announcement.
func AppendAnnounce(dst []byte, a Announce) []byte {
	dst = append(dst, firstByte(KindAnnounce))
	dst = append(dst, a.Server[:]...)
	dst = append(dst, a.Group[:]...)
	dst = be.AppendUint64(dst, 0)
	return be.AppendUint64(dst, uint64(a.Number))
}

// ParseProbe reads a probe; its signature is the packet's last 64 bytes:
//
//	 0  1 version (4 bits, = 1) │ kind (4 bits, = 5)
//	 1  8 first of the server's ID
//	 9 16 group
//	25 16 nonce
func ParseProbe(packet []byte) (Probe, error) {
	r, err := clearPart(packet, KindProbe)
	if err != nil {
		return Probe{}, err
	}
	return Probe{
		Server: ServerPrefix(r.take(8)),
		Group:  protocol.GroupID(r.take(16)),
		Nonce:  [16]byte(r.take(16)),
	}, nil
}

// AppendProbe writes the signed part of a probe.
func AppendProbe(dst []byte, p Probe) []byte {
	dst = append(dst, firstByte(KindProbe))
	dst = append(dst, p.Server[:]...)
	dst = append(dst, p.Group[:]...)
	return append(dst, p.Nonce[:]...)
}

// SplitSigned parts an announcement or probe of the right length into what is signed and
// the signature.
func SplitSigned(packet []byte) (signed, signature []byte) {
	return packet[:unsignedBytes], packet[unsignedBytes:]
}

func clearPart(packet []byte, kind Kind) (reader, error) {
	if len(packet) != unsignedBytes+SignatureBytes {
		return reader{}, ErrLength
	}
	if _, err := checkFirst(packet[0], kind); err != nil {
		return reader{}, err
	}
	return reader{packet[1:unsignedBytes]}, nil
}
