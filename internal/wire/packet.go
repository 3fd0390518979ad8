package wire

import (
	"errors"

	"github.com/groupcast/groupcast/internal/protocol"
)

// What is wrong with the first bytes of a packet.
var (
	ErrVersion = errors.New("not of this version of the protocol")
	ErrKind    = errors.New("not the expected kind of packet")
)

// firstByte holds the version in its high and the kind in its low four bits.
func firstByte(k Kind) byte { return protocol.Version<<4 | byte(k) }

func checkFirst(b byte, kinds ...Kind) (Kind, error) {
	if b>>4 != protocol.Version {
		return 0, ErrVersion
	}
	for _, k := range kinds {
		if Kind(b&0xF) == k {
			return k, nil
		}
	}
	return 0, ErrKind
}

// ParseHeader reads the clear part of a data, SYNC or DIGEST packet, which may be longer:
//
//	0  1 version (4 bits, = 1) │ kind (4 bits)
//	1  4 session tag
//	5  6 packet number
func ParseHeader(b []byte) (Header, error) {
	if len(b) < protocol.GroupHeaderBytes {
		return Header{}, ErrLength
	}
	kind, err := checkFirst(b[0], KindData, KindSync, KindDigest)
	if err != nil {
		return Header{}, err
	}
	return Header{
		Kind:   kind,
		Tag:    protocol.SessionTag(be.Uint32(b[1:])),
		Number: protocol.PacketNumber(get48(b[5:])),
	}, nil
}

// AppendHeader writes the clear part of a group packet.
func AppendHeader(dst []byte, h Header) []byte {
	dst = append(dst, firstByte(h.Kind))
	dst = be.AppendUint32(dst, uint32(h.Tag))
	return append48(dst, uint64(h.Number))
}

// ParseData reads what a data packet seals; the symbol is everything after the first bytes:
//
//	0  4 block
//	4  3 block length in bytes
//	7  1 symbol index
//	8  S symbol
func ParseData(body []byte) (Data, error) {
	size := len(body) - protocol.DataHeaderBytes
	if size < 1 || size > protocol.MaxSymbolSize {
		return Data{}, ErrLength
	}
	d := Data{
		Block:  protocol.BlockNumber(be.Uint32(body)),
		Length: get24(body[4:]),
		Index:  protocol.SymbolIndex(body[7]),
		Symbol: body[protocol.DataHeaderBytes:],
	}
	if d.Length < 1 || d.Length > protocol.MaxSourceSymbols*size {
		return Data{}, errBlockLength
	}
	return d, nil
}

var errBlockLength = errors.New("block length: no block of at most 200 symbols has it")

// AppendData writes the body of a data packet.
func AppendData(dst []byte, d Data) []byte {
	dst = AppendDataHeader(dst, d.Block, d.Length, d.Index)
	return append(dst, d.Symbol...)
}

// AppendDataHeader writes the body of a data packet up to its symbol, for callers that
// write the symbol themselves.
func AppendDataHeader(dst []byte, block protocol.BlockNumber, length int, index protocol.SymbolIndex) []byte {
	dst = be.AppendUint32(dst, uint32(block))
	dst = append24(dst, length)
	return append(dst, byte(index))
}
