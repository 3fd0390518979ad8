package apiclient

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
)

// ReadPage reads a page from what Pages or RelayPages streams; io.EOF: there are no more.
func ReadPage(in io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[1:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(head[:]))
	if n < format2.MinPageBytes || n > format2.MaxPageBytes {
		return nil, fmt.Errorf("a page of %d bytes", n)
	}
	raw := make([]byte, n)
	if _, err := io.ReadFull(in, raw); err != nil {
		return nil, errors.Join(io.ErrUnexpectedEOF, err)
	}
	return raw, nil
}

// ReadBlocks reads what Stream or RelayStream gives of a range, and hands each block over; length says how many bytes
// one has. put may not keep data. Blocks that are left out are those of void files only. EInvalid: one came that was
// not asked for; EUnavailable: the stream was cut off.
func ReadBlocks(
	in io.Reader, asked protocol.Range, length func(protocol.BlockNumber) int,
	put func(b protocol.BlockNumber, data []byte) error,
) error {
	buf := make([]byte, protocol.BlockSize)
	for next := asked.First; next < asked.End(); {
		var head [4]byte
		_, err := io.ReadFull(in, head[:])
		if errors.Is(err, io.EOF) {
			return nil // what is left of it is void
		}
		b := protocol.BlockNumber(binary.BigEndian.Uint32(head[:]))
		if err == nil && (b < next || b >= asked.End()) {
			return groupcast.Errorf(groupcast.EInvalid, "block %d came, which was not asked for", b)
		}
		n := 0
		if err == nil {
			n = length(b)
			_, err = io.ReadFull(in, buf[:n])
		}
		if err != nil {
			return groupcast.Errorf(groupcast.EUnavailable, "the catch-up was cut off at block %d", next).Wrap(err)
		}
		if err := put(b, buf[:n]); err != nil {
			return err
		}
		next = b + 1
	}
	return nil
}
