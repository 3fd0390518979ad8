package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"
	"testing/iotest"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// promised is the layout of an offer whose server signed exactly these bytes, whatever they are.
func promised(t testing.TB, raw []byte, files, blocks uint32, total uint64) *Layout {
	t.Helper()
	index := indexOf(raw)
	l, err := NewLayout(wire.Offer{
		SymbolSize: protocol.DefaultSymbol, MaxK: protocol.MaxSourceSymbols, IndexDigest: IndexDigest(index), ManifestBytes: uint64(len(raw)),
		ManifestBlocks: uint32(len(index) / digestBytes), Files: files, Blocks: blocks, TotalBytes: total,
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Manifests that a hostile or broken server signs are told by what is wrong with them, whole in memory
// as well as read as a stream of small pieces; what came as another than the offer names is no fault.
func TestHostileManifests(t *testing.T) {
	at := func(b []byte, i int, v uint64, bytes int) []byte {
		var w [8]byte
		binary.BigEndian.PutUint64(w[:], v)
		copy(b[i:], w[8-bytes:])
		return b
	}
	change := func(f func(m *Manifest)) func([]byte) []byte {
		return func([]byte) []byte { m := sample(t); f(m); return m.Append(nil) }
	}
	for name, c := range map[string]struct {
		spoil func(b []byte) []byte
		want  FaultCode
	}{
		"as it should be":         {func(b []byte) []byte { return b }, ""},
		"another magic":           {func(b []byte) []byte { b[0]++; return b }, FaultEncoding},
		"a million files more":    {func(b []byte) []byte { return at(b, 4, protocol.MaxFiles+1, 4) }, FaultLarge},
		"2^32-1 files":            {func(b []byte) []byte { return at(b, 4, math.MaxUint32, 4) }, FaultLarge},
		"2^32-1 blocks":           {func(b []byte) []byte { return at(b, 8, math.MaxUint32, 4) }, FaultLarge},
		"one file more":           {func(b []byte) []byte { return at(b, 4, 7, 4) }, FaultLarge},
		"one file fewer":          {func(b []byte) []byte { return at(b, 4, 5, 4) }, FaultEncoding},
		"one block fewer":         {func(b []byte) []byte { return at(b, 8, uint64(len(sample(t).Blocks)-1), 4) }, FaultEncoding},
		"a stream of 2^64-1":      {func(b []byte) []byte { return at(b, 12, math.MaxUint64, 8) }, FaultSize},
		"cut off":                 {func(b []byte) []byte { return b[:len(b)-1] }, FaultEncoding},
		"cut off within an entry": {func(b []byte) []byte { return at(b[:headBytes+6*fileBytes], 8, 0, 4) }, FaultEnds},
		"something after the end": {func(b []byte) []byte { return append(b, 0) }, FaultEncoding},
		"a path of 65,535 bytes":  {change(func(m *Manifest) { m.Files[5].Path = string(bytes.Repeat([]byte("e"), 65535)) }), FaultEntry},
		"a path that leads out":   {change(func(m *Manifest) { m.Files[5].Path = "e/../../x" }), FaultEntry},
		"a path twice":            {change(func(m *Manifest) { m.Files[5].Path = "d/l" }), FaultEntry},
		"a path below a file":     {change(func(m *Manifest) { m.Files[5].Path = "d/empty/x"; m.Files[4].Path = "d/empty/l" }), FaultEntry},
		"8 EiB":                   {change(func(m *Manifest) { m.Files[5].Size = math.MaxUint64 }), FaultSize},
		"sizes that overflow":     {change(func(m *Manifest) { m.Files[1].Size, m.Files[2].Size = math.MaxInt64, math.MaxInt64 }), FaultSize},
		"a block of no bytes":     {change(func(m *Manifest) { m.Blocks = append(m.Blocks, Block{}) }), FaultBlocks},
		"a block too long":        {change(func(m *Manifest) { m.Blocks[0].Length = protocol.MaxBlockLength + 1 }), FaultBlocks},
		"overlapping blocks":      {change(func(m *Manifest) { m.Blocks[0].Length++ }), FaultBlocks},
		"blocks end early":        {change(func(m *Manifest) { m.Blocks = m.Blocks[:len(m.Blocks)-1] }), FaultBlocks},
		"blocks go on":            {change(func(m *Manifest) { m.Blocks = append(m.Blocks, Block{Length: 1}) }), FaultBlocks},
		"a big file within":       {change(func(m *Manifest) { m.Blocks[1].Length++; m.Blocks[2].Length-- }), FaultBlocks},
	} {
		t.Run(name, func(t *testing.T) {
			m := sample(t)
			raw := c.spoil(m.Append(nil))
			l := promised(t, raw, protocol.MaxFiles, binary.BigEndian.Uint32(raw[8:])%protocol.MaxBlocks, math.MaxInt64)
			_, whole := l.WithManifest(raw)
			_, kept := l.ReadManifest(iotest.OneByteReader(bytes.NewReader(raw)))
			for how, err := range map[string]error{"whole": whole, "looked at": l.Look(iotest.HalfReader(bytes.NewReader(raw))), "read": kept} {
				var f *Fault
				if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &f) || f.Code != c.want) {
					t.Errorf("%s: %v (%+v), want %q", how, err, f, c.want)
				}
			}
			raw[len(raw)-1] ^= 1
			for how, r := range map[string]io.Reader{
				"changed": bytes.NewReader(raw), "cut off": bytes.NewReader(raw[:len(raw)-1]), "nothing": bytes.NewReader(nil),
				"longer": io.MultiReader(bytes.NewReader(raw), bytes.NewReader([]byte{0})),
			} {
				if err := l.Look(r); !errors.Is(err, ErrOther) {
					t.Errorf("%s on the way: %v", how, err)
				}
			}
			broken := errors.New("the line broke")
			if err := l.Look(io.MultiReader(bytes.NewReader(raw[:len(raw)/2]), iotest.ErrReader(broken))); !errors.Is(err, broken) || errors.Is(err, ErrOther) {
				t.Errorf("a line that broke: %v", err)
			}
		})
	}
}

// What the offer promises less of than the manifest holds is a fault of its own.
func TestManifestsBeyondTheirOffer(t *testing.T) {
	m := sample(t)
	raw := m.Append(nil)
	files, blocks, total := uint32(len(m.Files)), uint32(len(m.Blocks)), m.StreamLength()
	for name, l := range map[string]*Layout{
		"files": promised(t, raw, files-1, blocks, total), "blocks": promised(t, raw, files, blocks+1, total), "bytes": promised(t, raw, files, blocks, total-1),
	} {
		t.Run(name, func(t *testing.T) {
			var f *Fault
			if err := l.Look(bytes.NewReader(raw)); !errors.As(err, &f) || f.Code != FaultOffer {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// limitManifest writes a manifest of 128 MiB, whose last block is wrong, without holding it.
type limitManifest struct {
	buf  []byte
	next int
}

const limitFiles = 900_000

func (g *limitManifest) pathOf(i int) string {
	const pad = protocol.MaxManifestBytes/limitFiles - fileBytes - 12
	return fmt.Sprintf("%010d%0*d", i, pad, 0)
}

func (g *limitManifest) Read(p []byte) (int, error) {
	for len(g.buf) == 0 {
		switch {
		case g.next == 0:
			g.buf = append(g.buf, magic...)
			g.buf = binary.BigEndian.AppendUint32(g.buf, limitFiles)
			g.buf = binary.BigEndian.AppendUint32(g.buf, 4)
			g.buf = binary.BigEndian.AppendUint64(g.buf, limitFiles)
		case g.next <= limitFiles:
			f := File{Path: g.pathOf(g.next), Size: 1, Mode: 0o644}
			g.buf = f.append(g.buf)
		case g.next <= limitFiles+4:
			n := min(protocol.BlockSize, limitFiles-(g.next-limitFiles-1)*protocol.BlockSize)
			if g.next == limitFiles+4 {
				n++ // one byte too many, at the very end
			}
			g.buf = append(g.buf, byte(n>>16), byte(n>>8), byte(n))
			g.buf = append(g.buf, make([]byte, digestBytes)...)
		default:
			return 0, io.EOF
		}
		g.next++
	}
	n := copy(p, g.buf)
	g.buf = append(g.buf[:0], g.buf[n:]...)
	return n, nil
}

// A manifest as large as one may be, wrong in its very last entry, is refused without being held: what
// is held of it are the sizes of its files.
func TestAHugeManifestIsNotHeld(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 128 MiB twice")
	}
	var d blockDigests
	if _, err := io.Copy(&d, &limitManifest{}); err != nil {
		t.Fatal(err)
	}
	index := d.end()
	if d.total < 125<<20 {
		t.Fatalf("a manifest of %d bytes is not at the limit", d.total)
	}
	l, err := NewLayout(wire.Offer{
		SymbolSize: protocol.DefaultSymbol, MaxK: protocol.MaxSourceSymbols, IndexDigest: IndexDigest(index), ManifestBytes: uint64(d.total),
		ManifestBlocks: uint32(len(index) / digestBytes), Files: limitFiles, Blocks: 4, TotalBytes: limitFiles,
	})
	if err != nil {
		t.Fatal(err)
	}
	high := peakHeap(func() { err = l.Look(&limitManifest{}) })
	var f *Fault
	if !errors.As(err, &f) || f.Code != FaultBlocks {
		t.Errorf("%v", err)
	}
	t.Logf("%d MiB of manifest, %d MiB of heap at most", d.total>>20, high>>20)
	if high > 32<<20 {
		t.Errorf("%d MiB of heap for a manifest that is refused", high>>20)
	}
}
