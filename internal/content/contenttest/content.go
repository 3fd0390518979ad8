// Package contenttest has a transfer of one file in memory and a store for its blocks, for tests
// of senders and receivers. Not for production.
package contenttest

import (
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// ErrSource is what reading the block FailAt answers.
var ErrSource = errors.New("the source changed")

// Content is a transfer of one file of random bytes. ReadBlock makes it the source of a session.
type Content struct {
	Data    []byte
	Layout  *manifest.Layout
	Encoded *manifest.Encoded
	FailAt  protocol.BlockNumber // ReadBlock of it fails; 0: none
}

// New makes a transfer of so many bytes, the same ones for the same size.
func New(t testing.TB, size int) *Content {
	t.Helper()
	c := &Content{Data: make([]byte, size)}
	rnd := rand.NewChaCha8([32]byte{byte(size)})
	_, _ = rnd.Read(c.Data) // never fails
	files := []manifest.File{{Path: "file", Mode: 0o644, Size: uint64(size), Digest: sha256.Sum256(c.Data)}}
	blocks, err := manifest.Cut(files)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for i := range blocks {
		blocks[i].Digest = manifest.LeafDigest(c.Data[at : at+int(blocks[i].Length)])
		at += int(blocks[i].Length)
	}
	c.Layout, c.Encoded = manifest.LayoutOf(&manifest.Manifest{Files: files, Blocks: blocks})
	return c
}

// ReadBlock copies a block of the session.
func (c *Content) ReadBlock(n protocol.BlockNumber, buf []byte) (int, error) {
	if n == c.FailAt && n > 0 {
		return 0, ErrSource
	}
	return copy(buf, c.Block(n)), nil
}

// Block gives a block of the session: 0 the index, then the manifest, then the file.
func (c *Content) Block(n protocol.BlockNumber) []byte {
	length, _ := c.Layout.Length(n)
	first := c.Layout.FirstStream()
	switch {
	case n == 0:
		return c.Encoded.Index
	case n < first:
		return c.Encoded.Manifest[int(n-1)*protocol.BlockSize:][:length]
	}
	return c.Data[int(n-first)*protocol.BlockSize:][:length]
}

// Terms is what an offer of the transfer to a group says, as far as no session has to fill it in.
func (c *Content) Terms(group netip.AddrPort) wire.Offer {
	o := wire.Offer{
		Group: protocol.NewGroupID(), Number: 1, Floor: 1, Transfer: 1,
		SymbolSize: protocol.DefaultSymbol, MaxK: protocol.MaxSourceSymbols,
		Codec: wire.CodecCauchyRS, Hash: wire.HashBLAKE3, AEAD: wire.AEADAES256GCM, Cutter: wire.CutterFixed,
		GroupAddr: group, Flags: wire.OfferMulticast,
	}
	c.Layout.Fill(&o)
	return o
}
