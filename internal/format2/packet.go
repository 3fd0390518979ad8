package format2

import (
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// MACBytes is the length of the slot and the MAC behind a symbol.
const MACBytes = 1 + 7

// MAC says in which slot a symbol was sent, and proves it once the slot's element is known.
type MAC struct {
	Slot uint8
	Tag  [7]byte
}

func firstByte(k wire.Kind) byte { return Version<<4 | byte(k) }

// checkFirst looks at a packet's first byte.
func checkFirst(b byte, kinds ...wire.Kind) (wire.Kind, error) {
	if b>>4 != Version {
		return 0, wire.ErrVersion
	}
	for _, k := range kinds {
		if wire.Kind(b&0xF) == k {
			return k, nil
		}
	}
	return 0, wire.ErrKind
}

// ParseHeader reads the clear part of a data or SYNC packet, which may be longer:
//
//	0  1 version (4 bits, = 2) │ kind (4 bits)
//	1  4 session tag
//	5  6 packet number
func ParseHeader(b []byte) (wire.Header, error) {
	if len(b) < protocol.GroupHeaderBytes {
		return wire.Header{}, ErrLength
	}
	kind, err := checkFirst(b[0], wire.KindData, wire.KindSync)
	if err != nil {
		return wire.Header{}, err
	}
	r := reader{b: b[1:protocol.GroupHeaderBytes]}
	return wire.Header{
		Kind: kind, Tag: protocol.SessionTag(r.u32()), Number: protocol.PacketNumber(r.u48()),
	}, nil
}

// AppendHeader writes the clear part of a group packet.
func AppendHeader(dst []byte, h wire.Header) []byte {
	dst = append(dst, firstByte(h.Kind))
	dst = be.AppendUint32(dst, uint32(h.Tag))
	return append48(dst, uint64(h.Number))
}

// ParseData reads what a data packet seals: as in format 1, and in a session with MACs slot 1 │ mac 7 behind
// the symbol.
func ParseData(body []byte, macs bool) (wire.Data, MAC, error) {
	var mac MAC
	if macs {
		at := len(body) - MACBytes
		if at < 0 {
			return wire.Data{}, mac, ErrLength
		}
		mac = MAC{Slot: body[at], Tag: [7]byte(body[at+1:])}
		body = body[:at]
	}
	d, err := wire.ParseData(body)
	return d, mac, err
}

// AppendMAC writes what stands behind a symbol.
func AppendMAC(dst []byte, m MAC) []byte { return append(append(dst, m.Slot), m.Tag[:]...) }

// FeedbackBodyBytes is the longest body of a feedback packet.
const FeedbackBodyBytes = 4 + protocol.MaxFeedbackBody

// Feedback is a device's report: that of format 1, and how many pages it has verified.
type Feedback struct {
	Pages uint32
	wire.Feedback
}

// ParseFeedbackHeader reads the clear part of a feedback packet and bounds the packet.
func ParseFeedbackHeader(packet []byte) (wire.FeedbackHeader, error) {
	least := protocol.FeedbackOverhead + 4 + wire.FeedbackFixedBytes
	if len(packet) < least || len(packet) > protocol.FeedbackOverhead+FeedbackBodyBytes {
		return wire.FeedbackHeader{}, ErrLength
	}
	if _, err := checkFirst(packet[0], wire.KindFeedback); err != nil {
		return wire.FeedbackHeader{}, err
	}
	r := reader{b: packet[1:]}
	return wire.FeedbackHeader{ID: protocol.FeedbackID(r.take(8)), Counter: r.u48()}, nil
}

// AppendFeedbackHeader writes the clear part of a feedback packet.
func AppendFeedbackHeader(dst []byte, h wire.FeedbackHeader) []byte {
	dst = append(dst, firstByte(wire.KindFeedback))
	dst = append(dst, h.ID[:]...)
	return append48(dst, h.Counter)
}

// ParseFeedback reads the body of a feedback packet: pages 4 │ the body of format 1.
func ParseFeedback(body []byte) (Feedback, error) {
	if len(body) < 4 {
		return Feedback{}, ErrLength
	}
	f, err := wire.ParseFeedback(body[4:])
	if err != nil {
		return Feedback{}, err
	}
	return Feedback{be.Uint32(body), f}, nil
}

// AppendFeedback writes the body of a feedback packet.
func AppendFeedback(dst []byte, f Feedback) []byte {
	return wire.AppendFeedback(be.AppendUint32(dst, f.Pages), f.Feedback)
}
