package manifest

import (
	"encoding/binary"
	"errors"
	"fmt"

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
// whatever Parse accepts, Append gives back byte by byte.
func Parse(b []byte) (*Manifest, error) {
	if len(b) > protocol.MaxManifestBytes {
		return nil, fmt.Errorf("manifest of %d bytes: more than %d", len(b), protocol.MaxManifestBytes)
	}
	if len(b) < headBytes || string(b[:len(magic)]) != magic {
		return nil, errors.New("this is no manifest")
	}
	files, blocks := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	length := binary.BigEndian.Uint64(b[12:])
	rest := b[headBytes:]
	if files > protocol.MaxFiles || blocks > protocol.MaxBlocks ||
		uint64(files)*uint64(fileBytes)+uint64(blocks)*uint64(blockBytes) > uint64(len(rest)) {
		return nil, fmt.Errorf("manifest of %d bytes cannot have %d files and %d blocks", len(b), files, blocks)
	}
	m := &Manifest{Files: make([]File, files), Blocks: make([]Block, blocks)}
	for i := range m.Files {
		if rest = m.Files[i].parse(rest); rest == nil {
			return nil, fmt.Errorf("manifest ends within file %d of %d", i, files)
		}
	}
	if len(rest) != int(blocks)*blockBytes {
		return nil, errors.New("manifest: its length is not what it says")
	}
	for i := range m.Blocks {
		rest = m.Blocks[i].parse(rest)
	}
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if m.StreamLength() != length {
		return nil, errors.New("manifest: the stream does not have the length it says")
	}
	return m, nil
}

// parse reads one entry and gives what follows, nil if there is too little:
//
//	kind 1 │ mode 2 │ mtime 8 │ size 8 │ digest 32 │ path 2 + bytes │ symlink: target 2 + bytes
func (f *File) parse(b []byte) []byte {
	if len(b) < fileBytes {
		return nil
	}
	f.Kind = Kind(b[0])
	f.Mode = binary.BigEndian.Uint16(b[1:])
	f.MTime = int64(binary.BigEndian.Uint64(b[3:]))
	f.Size = binary.BigEndian.Uint64(b[11:])
	b = b[19+copy(f.Digest[:], b[19:]):]
	f.Path, b = parseString(b)
	if f.Kind == KindSymlink {
		f.Target, b = parseString(b)
	}
	return b
}

// parseString reads u16 length and bytes; the rest is nil if there is too little.
func parseString(b []byte) (string, []byte) {
	if len(b) < 2 {
		return "", nil
	}
	n := int(binary.BigEndian.Uint16(b))
	if b = b[2:]; len(b) < n {
		return "", nil
	}
	return string(b[:n]), b[n:]
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
