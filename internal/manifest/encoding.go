package manifest

import (
	"encoding/binary"

	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	magic       = "GCM1"
	headBytes   = len(magic) + 4 + 4 + 8
	fileBytes   = 1 + 2 + 8 + 8 + 32 + 2 // without path and target
	blockBytes  = 3 + 32
	digestBytes = len(protocol.Digest{})
)

// Parse reads the canonical encoding and checks everything a receiver must know before it
// writes the first byte (security.md O7, R1, R3). Every Manifest has exactly one encoding:
// whatever Parse accepts, Append gives back byte by byte. Its errors are faults.
func Parse(b []byte) (*Manifest, error) {
	m := &Manifest{}
	if _, err := decode(&sliceInput{b}, into(m)); err != nil {
		return nil, err
	}
	return m, nil
}

// parse reads length 3 │ digest 32; the caller has looked at the length.
func (t *Block) parse(b []byte) []byte {
	t.Length = uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	return b[3+copy(t.Digest[:], b[3:]):]
}

// Append appends the canonical encoding.
func (m *Manifest) Append(b []byte) []byte {
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(m.Files)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(m.Blocks)))
	b = binary.BigEndian.AppendUint64(b, m.StreamLength())
	for i := range m.Files {
		b = m.Files[i].append(b)
	}
	for i := range m.Blocks {
		t := &m.Blocks[i]
		b = append(b, byte(t.Length>>16), byte(t.Length>>8), byte(t.Length))
		b = append(b, t.Digest[:]...)
	}
	return b
}

func (f *File) append(b []byte) []byte {
	b = append(b, byte(f.Kind))
	b = binary.BigEndian.AppendUint16(b, f.Mode)
	b = binary.BigEndian.AppendUint64(b, uint64(f.MTime))
	b = binary.BigEndian.AppendUint64(b, f.Size)
	b = append(b, f.Digest[:]...)
	b = appendString(b, f.Path)
	if f.Kind == KindSymlink {
		b = appendString(b, f.Target)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

// encodedBytes is how long Append's answer will be.
func (m *Manifest) encodedBytes() int {
	n := headBytes + len(m.Files)*fileBytes + len(m.Blocks)*blockBytes
	for i := range m.Files {
		n += len(m.Files[i].Path)
		if m.Files[i].Kind == KindSymlink {
			n += 2 + len(m.Files[i].Target)
		}
	}
	return n
}
