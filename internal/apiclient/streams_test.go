package apiclient

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
)

// A page that is cut off, or has a length that none can have, is an error; that there are no more is none.
func TestPagesAreReadOneAfterAnother(t *testing.T) {
	page := func(n int) []byte {
		var head [4]byte
		binary.BigEndian.PutUint32(head[:], uint32(n))
		return append(head[1:], make([]byte, min(n, format2.MaxPageBytes))...)
	}
	whole := page(format2.MinPageBytes)
	for name, c := range map[string]struct {
		raw   []byte
		pages int
		ends  bool
	}{
		"none":                {nil, 0, true},
		"two":                 {append(page(300), whole...), 2, true},
		"the longest":         {page(format2.MaxPageBytes), 1, true},
		"one and half a page": {append(page(300), whole[:100]...), 1, false},
		"half a length":       {append(page(300), 0, 1), 1, false},
		"too short":           {page(format2.MinPageBytes - 1), 0, false},
		"too long":            {page(format2.MaxPageBytes + 1), 0, false},
	} {
		in, n := bytes.NewReader(c.raw), 0
		_, err := ReadPage(in)
		for ; err == nil; n++ {
			_, err = ReadPage(in)
		}
		if n != c.pages || errors.Is(err, io.EOF) != c.ends {
			t.Errorf("%s: %d pages, then %v", name, n, err)
		}
	}
}

// Of a range blocks may be left out, and an end between two of them is the end; what is not asked for, comes in another
// order or is cut off is an error.
func TestReadBlocks(t *testing.T) {
	block := func(numbers ...byte) (raw []byte) {
		for _, n := range numbers {
			raw = append(raw, 0, 0, 0, n, n, n)
		}
		return raw
	}
	asked := protocol.Range{First: 3, Count: 3}
	for name, c := range map[string]struct {
		raw  []byte
		came string
		code groupcast.Code
	}{
		"all":                 {block(3, 4, 5), "[3 4 5]", ""},
		"some":                {block(4), "[4]", ""},
		"none":                {nil, "[]", ""},
		"below":               {block(2), "[]", groupcast.EInvalid},
		"above":               {block(3, 6), "[3]", groupcast.EInvalid},
		"backwards":           {block(4, 3), "[4]", groupcast.EInvalid},
		"twice":               {block(4, 4), "[4]", groupcast.EInvalid},
		"cut off in a number": {append(block(3), 0, 0), "[3]", groupcast.EUnavailable},
		"cut off in a block":  {block(3, 4)[:11], "[3]", groupcast.EUnavailable},
	} {
		came := []protocol.BlockNumber{}
		err := ReadBlocks(bytes.NewReader(c.raw), asked, func(protocol.BlockNumber) int { return 2 },
			func(b protocol.BlockNumber, data []byte) error {
				if data[0] != byte(b) || len(data) != 2 {
					t.Errorf("%s: block %d has %v", name, b, data)
				}
				came = append(came, b)
				return nil
			})
		if fmt.Sprint(came) != c.came || (err != nil || c.code != "") && groupcast.ErrorCode(err) != c.code {
			t.Errorf("%s: %v, then %v", name, came, err)
		}
	}
}
