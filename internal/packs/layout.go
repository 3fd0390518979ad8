package packs

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// How the stream of an upload is cut.
const (
	blocksOfPack = 36
	packBytes    = blocksOfPack * protocol.BlockSize // a little less than 8 MiB
	digestBytes  = len(protocol.Digest{})
	leavesOfPack = blocksOfPack * int64(digestBytes)
	haveBytes    = 8
)

// The files beside the packs that wait.
const (
	haveName   = "have"   // 8 bytes an entry: how much of it came
	leavesName = "leaves" // the digests of the blocks of each pack that is in the bucket; else zeros
)

// layout is where the files of an upload are in its stream.
type layout struct {
	files  []manifest.File
	starts []uint64 // of each entry
	bytes  uint64
}

func layOut(files []manifest.File) layout {
	l := layout{files: files, starts: make([]uint64, len(files))}
	for i := range files {
		l.starts[i] = l.bytes
		if files[i].Kind == manifest.KindFile {
			l.bytes += files[i].Size
		}
	}
	return l
}

func (l *layout) packs() int { return int((l.bytes + packBytes - 1) / packBytes) }

// packLength is how many bytes a pack has.
func (l *layout) packLength(pack int) int {
	return int(min(packBytes, l.bytes-uint64(pack)*packBytes))
}

// blockLength is how many bytes a block of the stream has.
func (l *layout) blockLength(n int) int {
	return int(min(protocol.BlockSize, l.bytes-uint64(n)*protocol.BlockSize))
}

// find gives the entry of a path.
func (l *layout) find(path string) (int, bool) {
	i := sort.Search(len(l.files), func(i int) bool { return l.files[i].Path >= path })
	return i, i < len(l.files) && l.files[i].Path == path && l.files[i].Kind == manifest.KindFile
}

// each gives the parts of packs that a run of the stream has.
func eachPack(from, to uint64, see func(pack int, bytes uint64)) {
	for from < to {
		pack := from / packBytes
		n := min(to, (pack+1)*packBytes) - from
		see(int(pack), n)
		from += n
	}
}

// leavesOf computes the digests of a pack's blocks; those that it does not have are zeros.
func leavesOf(data []byte) []byte {
	out := make([]byte, 0, leavesOfPack)
	for len(data) > 0 {
		n := min(len(data), protocol.BlockSize)
		d := format2.LeafDigest(data[:n])
		out, data = append(out, d[:]...), data[n:]
	}
	return append(out, make([]byte, leavesOfPack-int64(len(out)))...)
}

// leaf is one of a pack's digests.
func leaf(leaves []byte, at int) (d protocol.Digest) {
	copy(d[:], leaves[at*digestBytes:])
	return d
}

// known says whether all digests of a pack are there: it is in the bucket then.
func (l *layout) known(pack int, leaves []byte) bool {
	blocks := (l.packLength(pack) + protocol.BlockSize - 1) / protocol.BlockSize
	for i := range blocks {
		if leaf(leaves, i) == (protocol.Digest{}) {
			return false
		}
	}
	return true
}

func readHave(dir string, files []manifest.File) ([]uint64, error) {
	raw, err := os.ReadFile(filepath.Join(dir, haveName))
	if err != nil {
		return nil, fmt.Errorf("read how much of an upload came: %w", err)
	}
	have := make([]uint64, len(files))
	for i := range files {
		switch {
		case files[i].Kind != manifest.KindFile:
			have[i] = files[i].Size
		case len(raw) >= (i+1)*haveBytes:
			have[i] = min(binary.BigEndian.Uint64(raw[i*haveBytes:]), files[i].Size)
		}
	}
	return have, nil
}

// readLeaves reads the digests of a pack.
func readLeaves(f io.ReaderAt, pack int) ([]byte, error) {
	leaves := make([]byte, leavesOfPack)
	if _, err := f.ReadAt(leaves, int64(pack)*leavesOfPack); err != nil {
		return nil, fmt.Errorf("read the digests of an upload: %w", err)
	}
	return leaves, nil
}

func waitingName(pack int) string { return fmt.Sprintf("%08d", pack) }
