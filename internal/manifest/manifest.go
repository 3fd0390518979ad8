package manifest

import "github.com/groupcast/groupcast/internal/protocol"

// Kind is what an entry is.
type Kind uint8

// The kinds.
const (
	KindFile Kind = iota
	KindFolder
	KindSymlink
)

// File is one entry of a manifest.
type File struct {
	Kind   Kind
	Mode   uint16 // & 0777
	Path   string // relative, "/"
	Target string // of a symlink
	MTime  int64  // ns since 1970
	Size   uint64
	Digest protocol.Digest // SHA-256 of the content; zero for folders and symlinks
}

// Block is one block of the packed stream.
type Block struct {
	Length uint32
	Digest protocol.Digest
}

// Manifest is everything a transfer promises.
type Manifest struct {
	Files  []File
	Blocks []Block
}

// Parse reads the canonical encoding and checks everything a receiver must know before it
// writes the first byte (security.md O7, R1, R3).
func Parse(b []byte) (*Manifest, error) { return nil, nil }

// Append appends the canonical encoding.
func (m *Manifest) Append(b []byte) []byte { return b }

// StreamLength is the length of the packed stream.
func (m *Manifest) StreamLength() uint64 { return 0 }

// Check says whether the manifest keeps every rule that Parse enforces.
func (m *Manifest) Check() error { return nil }

// Cut cuts the packed stream of files into blocks; the digests are still to be filled in.
func Cut(files []File) ([]Block, error) { return nil, nil }

// CheckPath says whether a path may stand in a manifest (security.md R1).
func CheckPath(path string) error { return nil }

// CheckTarget says whether the symlink at path may point to target (security.md R3).
func CheckTarget(path, target string) error { return nil }

// LeafDigest is the digest of a block.
func LeafDigest(data []byte) protocol.Digest { return protocol.Digest{} }

// IndexDigest is the digest of block 0, which holds the digests of the manifest's blocks.
func IndexDigest(index []byte) protocol.Digest { return protocol.Digest{} }
