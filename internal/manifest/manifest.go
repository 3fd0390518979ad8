package manifest

import (
	"fmt"
	"math"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Kind is what an entry is.
type Kind uint8

// The kinds.
const (
	KindFile Kind = iota
	KindFolder
	KindSymlink
)

// BigFile is the size from which on a file begins a new block and ends its last one.
const BigFile = 1 << 20

// File is one entry of a manifest.
type File struct {
	Kind   Kind
	Mode   uint16 // & 0777
	Path   string // relative, "/"
	Target string // of a symlink
	MTime  int64  // protocol.FileTime
	Size   uint64
	Digest protocol.Digest // SHA-256 of the content; zero for folders and symlinks
}

// Stored is how many bytes of the packed stream an entry has: a symlink's target travels in
// the manifest.
func (f *File) Stored() uint64 {
	if f.Kind != KindFile {
		return 0
	}
	return f.Size
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

// StreamLength is the length of the packed stream.
func (m *Manifest) StreamLength() (n uint64) {
	for i := range m.Files {
		n += m.Files[i].Stored()
	}
	return n
}

// Check says whether the manifest keeps every rule that Parse enforces.
func (m *Manifest) Check() error {
	if len(m.Files) > protocol.MaxFiles || len(m.Blocks) > protocol.MaxBlocks {
		return fault(FaultLarge, "manifest of %d files and %d blocks: too large", len(m.Files), len(m.Blocks))
	}
	if err := checkFiles(m.Files); err != nil {
		return faulty(FaultEntry, err)
	}
	return faulty(FaultBlocks, checkBlocks(m.Files, m.Blocks))
}

func checkFiles(files []File) error {
	var c entryCheck
	for i := range files {
		if err := c.add(&files[i]); err != nil {
			return err
		}
	}
	return nil
}

func hasPrefix(s, prefix string) bool { return len(s) > len(prefix) && s[:len(prefix)] == prefix }

func checkFile(f *File) error {
	if err := CheckPath(f.Path); err != nil {
		return err
	}
	if f.Mode&^0o777 != 0 {
		return fmt.Errorf("mode of %q has more than permissions", f.Path)
	}
	if f.Kind != KindFile && f.Digest != (protocol.Digest{}) {
		return fmt.Errorf("%q is no file and has a digest", f.Path)
	}
	if f.Kind != KindSymlink && f.Target != "" {
		return fmt.Errorf("%q is no symbolic link and has a target", f.Path)
	}
	switch f.Kind {
	case KindFile:
	case KindFolder:
		if f.Size != 0 {
			return fmt.Errorf("folder %q has a size", f.Path)
		}
	case KindSymlink:
		if f.Size != uint64(len(f.Target)) {
			return fmt.Errorf("size of the symbolic link %q is not that of its target", f.Path)
		}
		return CheckTarget(f.Path, f.Target)
	default:
		return fmt.Errorf("%q is of kind %d", f.Path, f.Kind)
	}
	return nil
}

// checkBlocks checks that the blocks cover the packed stream and that big files begin and
// end at their borders. The files have been checked already.
func checkBlocks(files []File, blocks []Block) error {
	c := cover{size: func(i int) uint64 { return files[i].Stored() }, files: len(files)}
	for i := range blocks {
		if err := c.add(uint64(blocks[i].Length)); err != nil {
			return fmt.Errorf("block %d: %w", i, err)
		}
	}
	return c.end()
}

// Cut cuts the packed stream of files into blocks; the digests are still to be filled in.
func Cut(files []File) ([]Block, error) {
	var blocks []Block
	shared := uint64(0) // of the small files since the last border
	closeShared := func() {
		blocks = appendCut(blocks, shared)
		shared = 0
	}
	for i := range files {
		size := files[i].Stored()
		if size > math.MaxInt64 || size/protocol.BlockSize > protocol.MaxBlocks {
			return nil, fmt.Errorf("%q is too large for one transfer", files[i].Path)
		}
		if size < BigFile {
			shared += size
			continue
		}
		closeShared()
		blocks = appendCut(blocks, size)
		if len(blocks) > protocol.MaxBlocks {
			break
		}
	}
	closeShared()
	if len(blocks) > protocol.MaxBlocks {
		return nil, fmt.Errorf("the files are more than the %d blocks that one transfer can have", protocol.MaxBlocks)
	}
	return blocks, nil
}

func appendCut(blocks []Block, size uint64) []Block {
	for ; size > protocol.BlockSize; size -= protocol.BlockSize {
		blocks = append(blocks, Block{Length: protocol.BlockSize})
	}
	if size > 0 {
		blocks = append(blocks, Block{Length: uint32(size)})
	}
	return blocks
}
