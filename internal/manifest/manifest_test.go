package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

// sample is a manifest with entries of every kind.
func sample(t testing.TB) *Manifest {
	t.Helper()
	files := []File{
		{Kind: KindFolder, Path: "d", Mode: 0o755, MTime: 1},
		{Path: "d/a", Mode: 0o644, MTime: 2, Size: 300_000, Digest: protocol.Digest{1}},
		{Path: "d/big", Mode: 0o600, MTime: -3, Size: BigFile + 7, Digest: protocol.Digest{2}},
		{Path: "d/empty", Mode: 0o777, Digest: protocol.Digest{3}},
		{Kind: KindSymlink, Path: "d/l", Mode: 0o777, Target: "a", Size: 1},
		{Path: "e", Size: 5, Digest: protocol.Digest{4}},
	}
	return withBlocks(t, files)
}

func withBlocks(t testing.TB, files []File) *Manifest {
	t.Helper()
	blocks, err := Cut(files)
	if err != nil {
		t.Fatal(err)
	}
	for i := range blocks {
		blocks[i].Digest = protocol.Digest{0xB, byte(i)}
	}
	return &Manifest{Files: files, Blocks: blocks}
}

func TestEncodingIsThatOfTheDocument(t *testing.T) {
	m := sample(t)
	b := m.Append(nil)
	if len(b) != m.encodedBytes() {
		t.Errorf("%d bytes, foretold %d", len(b), m.encodedBytes())
	}
	sum := sha256.Sum256(b)
	const want = "82d437a7d9bcb65070b71b81a33efc8715da77c9558a123f1ffdf38aafe63dda"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("the sample's encoding has changed: SHA-256 %s, want %s", got, want)
	}
	back, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(back.Files, m.Files) || !slices.Equal(back.Blocks, m.Blocks) {
		t.Error("what was parsed is not what was encoded")
	}
	for n := range b {
		if _, err := Parse(b[:n]); err == nil {
			t.Fatalf("cut after %d bytes it still parses", n)
		}
	}
	if _, err := Parse(append(b, 0)); err == nil {
		t.Error("a byte too many was accepted")
	}
}

func TestParseRefuses(t *testing.T) {
	for name, spoil := range map[string]func(m *Manifest){
		"path twice":              func(m *Manifest) { m.Files[5].Path = "d/l" },
		"paths out of order":      func(m *Manifest) { m.Files[5].Path = "c" },
		"absolute":                func(m *Manifest) { m.Files[5].Path = "/e" },
		"dot dot":                 func(m *Manifest) { m.Files[5].Path = "e/../../x" },
		"path below a file":       func(m *Manifest) { m.Files[5].Path = "d/l/x"; m.Files[4] = File{Path: "d/l"} },
		"path below a link":       func(m *Manifest) { m.Files[5].Path = "d/l/x" },
		"setuid":                  func(m *Manifest) { m.Files[5].Mode = 0o4755 },
		"unknown kind":            func(m *Manifest) { m.Files[0].Kind = 3 },
		"folder with a size":      func(m *Manifest) { m.Files[0].Size = 1 },
		"folder with a digest":    func(m *Manifest) { m.Files[0].Digest[0] = 1 },
		"link's size":             func(m *Manifest) { m.Files[4].Size = 2 },
		"link with a digest":      func(m *Manifest) { m.Files[4].Digest[0] = 1 },
		"link out of the tree":    func(m *Manifest) { m.Files[4].Target, m.Files[4].Size = "../..", 5 },
		"absolute link":           func(m *Manifest) { m.Files[4].Target, m.Files[4].Size = "/etc", 4 },
		"block of no bytes":       func(m *Manifest) { m.Blocks = append(m.Blocks, Block{}) },
		"block too long":          func(m *Manifest) { m.Blocks[0].Length = protocol.MaxBlockLength + 1 },
		"blocks end early":        func(m *Manifest) { m.Blocks = m.Blocks[:len(m.Blocks)-1] },
		"blocks end late":         func(m *Manifest) { m.Blocks = append(m.Blocks, Block{Length: 1}) },
		"big file within a block": func(m *Manifest) { m.Blocks[1].Length++; m.Blocks[2].Length-- },
		"big file ends within": func(m *Manifest) {
			last := len(m.Blocks) - 2
			m.Blocks[last].Length++
			m.Blocks[last+1].Length--
		},
		"8 EiB":    func(m *Manifest) { m.Files[5].Size = math.MaxUint64 },
		"overflow": func(m *Manifest) { m.Files[1].Size, m.Files[2].Size = math.MaxInt64, math.MaxInt64 },
	} {
		t.Run(name, func(t *testing.T) {
			m := sample(t)
			spoil(m)
			if _, err := Parse(m.Append(nil)); err == nil {
				t.Errorf("%s: accepted", name)
			}
		})
	}
}

func TestBombsAreRefusedBeforeMemoryIsTaken(t *testing.T) {
	head := []byte("GCM1\x00\x0F\x42\x40\x00\xFF\xFF\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF")
	const times = 100 // a single run would count what else the process does
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		if _, err := Parse(head); err == nil {
			t.Fatal("10^6 files in 20 bytes were accepted")
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / times; each > 4096 {
		t.Errorf("%d bytes are taken", each)
	}
}

func TestPrefixesAmongNeighbours(t *testing.T) {
	for _, c := range []struct {
		paths string // sorted; a trailing > marks a folder
		ok    bool
	}{
		{"a a-b a/c", false},
		{"a> a-b a/c", true},
		{"a> a-b> a-b/x a/c", true},
		{"a a-b ab", true},
		{"a> a.b a/b a/b/c", false},
		{"a ab ab/c", false},
		{"a ab> ab/c", true},
		{"a aa aaa aab/c", true},
	} {
		t.Run(c.paths, func(t *testing.T) {
			var files []File
			for _, p := range strings.Fields(c.paths) {
				f := File{Path: p}
				if name, folder := strings.CutSuffix(p, ">"); folder {
					f = File{Kind: KindFolder, Path: name}
				}
				files = append(files, f)
			}
			if err := (&Manifest{Files: files}).Check(); (err == nil) != c.ok {
				t.Errorf("%s: %v", c.paths, err)
			}
		})
	}
}

func TestCheckPath(t *testing.T) {
	for path, ok := range map[string]bool{
		"a": true, "a/b/c": true, ".hidden": true, "...": true, `a\b`: true, "ä/日本": true, "a b": true,
		"": false, ".": false, "..": false, "a/..": false, "../a": false, "a/./b": false, "/a": false, "a/": false,
		"a//b": false, "a\x00": false, "\xFF": false, strings.Repeat("x", 4097): false,
		strings.Repeat("x/", 2047) + "xx": true,
	} {
		t.Run(path, func(t *testing.T) {
			if err := CheckPath(path); (err == nil) != ok {
				t.Errorf("%q: %v", path, err)
			}
		})
	}
}

func TestCheckTarget(t *testing.T) {
	const out, inFront = "leads out of the tree", "only at the beginning"
	for _, c := range []struct {
		path, target string
		why          string // a part of the reason; empty: it is allowed
	}{
		{"l", "a", ""},
		{"d/l", "../a", ""},
		{"d/l", "./a/b/", ""},
		{"d/e/l", "../../a", ""},
		{"d/e/l", ".././../a", ""},
		{"l", "", "no target"},
		{"l", "..", out},
		{"d/l", "../..", out},
		{"l", "./../a", out},
		{"l", "/a", "absolute"},
		{"d/l", "a/../b", inFront},
		{"l", "a/..", inFront},
		{"d/l", "../a/../b", inFront},
		{"l", "./a/./../../b", inFront},
		{"l", "a\x00", "NUL"},
		{"l", "\xFF", "UTF-8"},
	} {
		t.Run(fmt.Sprint(c.path, " ", c.target, " ", c.why), func(t *testing.T) {
			switch err := CheckTarget(c.path, c.target); {
			case (err == nil) != (c.why == ""):
				t.Errorf("%s → %s: %v", c.path, c.target, err)
			case err != nil && !strings.Contains(err.Error(), c.why):
				t.Errorf("%s → %s: %v, which does not say %q", c.path, c.target, err, c.why)
			}
		})
	}
}

func TestCheckPathOn(t *testing.T) {
	for _, c := range []struct {
		goos, path string
		ok         bool
	}{
		{"linux", `a\b:c`, true},
		{"linux", "con", true},
		{"linux", strings.Repeat("x", 256), false},
		{"windows", `a\b`, false},
		{"windows", "a:b", false},
		{"windows", "d/CON", false},
		{"windows", "aux.txt", false},
		{"windows", "com1", false},
		{"windows", "com", true},
		{"windows", "COM¹.x", false},
		{"windows", "a.", false},
		{"windows", "a ", false},
		{"windows", "a\x01", false},
		{"windows", "console", true},
		{"windows", "a?", false},
	} {
		t.Run(c.path, func(t *testing.T) {
			if err := CheckPathOn(c.goos, c.path); (err == nil) != c.ok {
				t.Errorf("%s on %s: %v", c.path, c.goos, err)
			}
		})
	}
}

func TestCut(t *testing.T) {
	lengths := func(sizes ...uint64) (out []uint32) {
		var files []File
		for i, s := range sizes {
			files = append(files, File{Path: fmt.Sprintf("%03d", i), Size: s})
		}
		blocks, err := Cut(files)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks {
			out = append(out, b.Length)
		}
		return out
	}
	const B = protocol.BlockSize
	for _, c := range []struct {
		sizes []uint64
		want  []uint32
	}{
		{nil, nil},
		{[]uint64{0, 0}, nil},
		{[]uint64{1, 0, 2}, []uint32{3}},
		{[]uint64{B}, []uint32{B}},
		{[]uint64{B, 1}, []uint32{B, 1}},
		{[]uint64{B - 1, 3}, []uint32{B, 2}},
		{[]uint64{5, BigFile, 6, 7}, []uint32{5, B, B, B, B, BigFile - 4*B, 13}},
		{[]uint64{BigFile - 1, 1}, []uint32{B, B, B, B, BigFile - 4*B}},
		{[]uint64{5 * B, 5 * B}, []uint32{B, B, B, B, B, B, B, B, B, B}},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			if got := lengths(c.sizes...); !slices.Equal(got, c.want) {
				t.Errorf("%v: %v, want %v", c.sizes, got, c.want)
			}
		})
	}
	if _, err := Cut([]File{{Path: "a", Size: math.MaxUint64}}); err == nil {
		t.Error("2^64-1 bytes were cut")
	}
}

func TestDigestsDoNotPassForOneAnother(t *testing.T) {
	data := make([]byte, 64)
	if LeafDigest(data) == IndexDigest(data) || LeafDigest(data) == sha256.Sum256(data) ||
		LeafDigest(data) == LeafDigest(data[:63]) {
		t.Error("two digests with different meanings are equal")
	}
}

// What another implementation (lukechampine.com/blake3) makes of the same, as docs/protocol.md
// gives it.
func TestLeafDigestIsStandard(t *testing.T) {
	data := make([]byte, 230_400)
	for i := range data {
		data[i] = byte(i % 251)
	}
	for n, want := range map[int]string{
		1:       "b52abdf0255092e57c160487e0f7b7c22b4b8db36cd0c0481825d33c9ac555ef",
		1024:    "72f653ab72c090a0e23ef0ba24f3ca4c4c0d765d426806fcf7f231b92acc7817",
		8193:    "a5879484cc5082024f41eb489ebd6830d4c2e6138a0bde6fa75c6898db8eeedf",
		230_400: "453c23b75fcb6e421d648b68fa660ef07175fd2b461e1c6279fd302d282eecda",
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			if got := LeafDigest(data[:n]); hex.EncodeToString(got[:]) != want {
				t.Errorf("%d bytes: %x, want %s", n, got, want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample(f).Append(nil))
	f.Add((&Manifest{}).Append(nil))
	f.Add(withBlocks(f, []File{{Path: "a", Size: BigFile}}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		if !bytes.Equal(m.Append(nil), b) {
			t.Fatal("two encodings of one manifest")
		}
		for i := range m.Files {
			if err := CheckPath(m.Files[i].Path); err != nil {
				t.Fatal(err)
			}
		}
		l, _ := LayoutOf(m)
		var sum uint64
		for b := l.FirstStream(); int(b) < l.Blocks() && b < 1000; b++ {
			for _, x := range l.Extents(nil, b) {
				sum += uint64(x.Length)
			}
		}
		if l.Blocks() < 1000 && sum != m.StreamLength() {
			t.Fatalf("extents of %d bytes, stream of %d", sum, m.StreamLength())
		}
	})
}

func BenchmarkLargeManifest(b *testing.B) {
	var files []File
	for i := range 100_000 {
		files = append(files, File{
			Path: fmt.Sprintf("folder%03d/file%07d", i/1000, i), Size: 4000, Digest: protocol.Digest{1},
		})
	}
	raw := withBlocks(b, files).Append(nil)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		m, err := Parse(raw)
		if err != nil {
			b.Fatal(err)
		}
		LayoutOf(m)
	}
}
