package agent

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/groupcast/groupcast/internal/format2"
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
		_, err := readPage(in)
		for ; err == nil; n++ {
			_, err = readPage(in)
		}
		if n != c.pages || errors.Is(err, io.EOF) != c.ends {
			t.Errorf("%s: %d pages, then %v", name, n, err)
		}
	}
}
