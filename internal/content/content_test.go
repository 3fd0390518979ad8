package content

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pattern"
	"github.com/groupcast/groupcast/internal/protocol"
)

var ctx = context.Background()

// plant writes files below a new folder: a name that ends in "/" is a folder, a size of n
// gives n bytes of noise.
func plant(t testing.TB, files map[string]int) string {
	t.Helper()
	dir := t.TempDir()
	for name, size := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(full, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, full, noise(size, name))
	}
	return dir
}

func write(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func noise(n int, seed string) []byte {
	r := rand.NewChaCha8(sha256.Sum256([]byte(seed)))
	b := make([]byte, n)
	r.Read(b)
	return b
}

func scan(t testing.TB, paths ...string) *Tree {
	t.Helper()
	tree, err := Scan(ctx, paths, ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func paths(t *Tree) string {
	var out []string
	for _, f := range t.Files {
		out = append(out, f.Path+[]string{"", "/", "@"}[f.Kind])
	}
	return strings.Join(out, " ")
}

func TestScanNamesAndOrder(t *testing.T) {
	dir := plant(t, map[string]int{"d/a": 3, "d/a-b": 1, "d/a.d/x": 2, "d/empty/": 0, "one": 5})
	if err := os.Symlink("a", filepath.Join(dir, "d/link")); err != nil {
		t.Fatal(err)
	}
	tree := scan(t, filepath.Join(dir, "one"), filepath.Join(dir, "d")+"/")
	if got, want := paths(tree), "d/ d/a d/a-b d/a.d/ d/a.d/x d/empty/ d/link@ one"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if tree.Bytes != 11 || tree.Files[1].Mode != 0o644 || tree.Files[1].MTime == 0 {
		t.Errorf("%d bytes, mode %o", tree.Bytes, tree.Files[1].Mode)
	}
}

// TestALinkThatIsNamedIsFollowed: whoever names a link on his own machine means its target.
func TestALinkThatIsNamedIsFollowed(t *testing.T) {
	dir := plant(t, map[string]int{"real": 4})
	if err := os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "alias")); err != nil {
		t.Fatal(err)
	}
	if got := paths(scan(t, filepath.Join(dir, "alias"))); got != "alias" {
		t.Errorf("got %s", got)
	}
}

func TestScanRefuses(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("FIFOs and links are made as on Unix")
	}
	dir := plant(t, map[string]int{
		"d/a": 1, "up/home/server/ca.key": 1, "out/x": 1, "bad/a\xFFb": 1, "other/a": 1, "d2/d/a": 1,
	})
	makeFIFO(t, filepath.Join(dir, "fifo"))
	for name, target := range map[string]string{"out/l": "../../etc", "home2": "up/home", "other/abs": "/etc/passwd"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	home := ScanOptions{Exclude: []string{filepath.Join(dir, "up/home")}}
	below := ScanOptions{Below: filepath.Join(dir, "d")}
	for _, c := range []struct {
		what    string
		paths   []string
		options ScanOptions
		code    groupcast.Code
		says    string
	}{
		{"no such file", []string{"nothing"}, ScanOptions{}, groupcast.ENotFound, "no such file"},
		{"one name twice", []string{"d", "d2/d"}, ScanOptions{}, groupcast.EInvalid, "named \"d\""},
		{"the home", []string{"up/home"}, home, groupcast.EForbidden, "home"},
		{"inside the home", []string{"up/home/server/ca.key"}, home, groupcast.EForbidden, "home"},
		{"the home by a link", []string{"home2/server"}, home, groupcast.EForbidden, "home"},
		{"out of the source folder", []string{"../out"}, below, groupcast.EInvalid, "below"},
	} {
		t.Run(c.what, func(t *testing.T) {
			given := c.paths
			if c.options.Below == "" {
				given = nil
				for _, p := range c.paths {
					if !filepath.IsAbs(p) {
						p = filepath.Join(dir, p)
					}
					given = append(given, p)
				}
			}
			_, err := Scan(ctx, given, c.options)
			if groupcast.ErrorCode(err) != c.code || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("%s: %v", c.what, err)
			}
		})
	}
}

// TestScanListsWhatCannotBeSent: one bad entry does not hide the others, nor what is good.
func TestScanListsWhatCannotBeSent(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("FIFOs and links are made as on Unix")
	}
	dir := plant(t, map[string]int{
		"t/a": 1, "t/latin-\xE9": 1, "t/n\xE9/x": 1, "t/home/ca.key": 1, "t/sub/b": 2, "t/sub/c.tmp": 1, "t/build/o": 1,
		"t/z/build": 1,
	})
	makeFIFO(t, filepath.Join(dir, "t/fifo"))
	for name, target := range map[string]string{"t/out": "../../etc", "t/abs": "/etc/passwd", "t/ok": "sub/b"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	without, err := pattern.Parse([]string{"*.tmp", "build/"})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := Scan(ctx, []string{filepath.Join(dir, "t"), "/dev/null"}, ScanOptions{
		Exclude: []string{filepath.Join(dir, "t/home")}, Without: without,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := paths(tree), "t/ t/a t/ok@ t/sub/ t/sub/b t/z/ t/z/build"; got != want {
		t.Errorf("the rest: %s, want %s", got, want)
	}
	got := map[string]string{}
	for _, l := range tree.LeftOut.Entries {
		got[l.Path] = strings.TrimSpace(string(l.Why) + " " + l.Detail)
	}
	want := map[string]string{
		`t/latin-\xE9`: "name it is not UTF-8", `t/n\xE9`: "name it is not UTF-8", "t/home": "home", "t/fifo": "pipe",
		"null":  "device",
		"t/out": "target its target leads out of the tree", "t/abs": "target its target is absolute",
		"t/sub/c.tmp": "excluded", "t/build": "excluded",
	}
	if !maps.Equal(got, want) {
		t.Errorf("left out: %v\nwant %v", got, want)
	}
	if l := tree.LeftOut; l.Count != 9 || l.Bad != 7 || l.BadEntries().Count != 7 || len(l.BadEntries().Entries) != 7 {
		t.Errorf("%d left out, %d bad", l.Count, l.Bad)
	}
}

func TestScanBelowDoesNotLeaveByALink(t *testing.T) {
	dir := plant(t, map[string]int{"secret/key": 3, "src/a": 1})
	if err := os.Symlink("../secret", filepath.Join(dir, "src/way")); err != nil {
		t.Fatal(err)
	}
	if _, err := Scan(ctx, []string{"way/key"}, ScanOptions{Below: filepath.Join(dir, "src")}); err == nil {
		t.Error("a file outside --source was found through a link")
	}
	tree, err := Scan(ctx, []string{"a"}, ScanOptions{Below: filepath.Join(dir, "src")})
	if err != nil || paths(tree) != "a" {
		t.Errorf("%v", err)
	}
}

func TestNoPermission(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := plant(t, map[string]int{"a": 1})
	if err := os.Chmod(filepath.Join(dir, "a"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(ctx, scan(t, filepath.Join(dir, "a")), nil); groupcast.ErrorCode(err) != groupcast.EForbidden {
		t.Errorf("%v", err)
	}
}

// built makes the manifest of a folder named d, and its source.
func built(t testing.TB, dir string) (*manifest.Manifest, *Source) {
	t.Helper()
	tree := scan(t, filepath.Join(dir, "d"))
	m, err := Build(ctx, tree, nil)
	if err != nil {
		t.Fatal(err)
	}
	l, _ := manifest.LayoutOf(m)
	s, err := NewSource(l, tree.Place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return m, s
}

var mixed = map[string]int{
	"d/a": 1, "d/b": 300_000, "d/big": 2<<20 + 3, "d/c/": 0, "d/c/x": 0, "d/c/y": 999, "d/d": protocol.BlockSize, "d/z": 0,
}

func TestBuildGivesTheDigestsOfTheFiles(t *testing.T) {
	dir := plant(t, mixed)
	var last uint64
	tree := scan(t, filepath.Join(dir, "d"))
	m, err := Build(ctx, tree, func(n uint64) { last = n })
	if err != nil {
		t.Fatal(err)
	}
	if last != tree.Bytes {
		t.Errorf("progress ended at %d of %d", last, tree.Bytes)
	}
	var stream []byte
	for _, f := range m.Files {
		if f.Kind != manifest.KindFile {
			continue
		}
		data := noise(mixed[f.Path], f.Path)
		stream = append(stream, data...)
		if f.Digest != sha256.Sum256(data) {
			t.Errorf("%s: wrong digest", f.Path)
		}
	}
	for i, b := range m.Blocks {
		if b.Digest != manifest.LeafDigest(stream[:b.Length]) {
			t.Errorf("block %d: wrong digest", i)
		}
		stream = stream[b.Length:]
	}
	if _, err := manifest.Parse(m.Append(nil)); err != nil {
		t.Error(err)
	}
}

func TestSourceGivesEveryBlockToMany(t *testing.T) {
	_, s := built(t, plant(t, mixed))
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			buf := make([]byte, s.Layout().Longest())
			for i := range s.Layout().Blocks() {
				b := protocol.BlockNumber((i*7 + g) % s.Layout().Blocks())
				n, err := s.ReadBlock(b, buf)
				if err != nil || !s.Layout().Verify(b, buf[:n]) {
					t.Errorf("block %d: %v", b, err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := s.ReadBlock(protocol.BlockNumber(s.Layout().Blocks()), make([]byte, 1<<20)); err == nil {
		t.Error("a block past the end was read")
	}
	if _, err := s.ReadBlock(0, nil); err == nil {
		t.Error("a block was read into nothing")
	}
}

func TestManyFilesStayWithinTheOpenOnes(t *testing.T) {
	files := map[string]int{}
	for i := range 3 * maxOpenFiles {
		files[fmt.Sprintf("d/%04d", i)] = 5000
	}
	_, s := built(t, plant(t, files))
	buf := make([]byte, protocol.BlockSize)
	for b := range protocol.BlockNumber(s.Layout().Blocks()) {
		if _, err := s.ReadBlock(b, buf); err != nil {
			t.Fatal(err)
		}
		if len(s.open.open) > maxOpenFiles {
			t.Fatalf("%d files are open", len(s.open.open))
		}
	}
}

func TestSourceChanged(t *testing.T) {
	whys := map[string]groupcast.Why{"it is gone": groupcast.WhyGone, "its folder left": groupcast.WhyGone}
	for what, spoil := range map[string]func(t *testing.T, path string){
		"a byte changed":  func(t *testing.T, p string) { write(t, p, append([]byte{1}, noise(300_000, "d/b")[1:]...)) },
		"it is shorter":   func(t *testing.T, p string) { write(t, p, []byte("short")) },
		"it is gone":      func(t *testing.T, p string) { os.Remove(p) },
		"it is a FIFO":    func(t *testing.T, p string) { os.Remove(p); makeFIFO(t, p) },
		"it is a link":    func(t *testing.T, p string) { os.Remove(p); os.Symlink("a", p) },
		"it is a folder":  func(t *testing.T, p string) { os.Remove(p); os.Mkdir(p, 0o755) },
		"its folder left": func(t *testing.T, p string) { os.Rename(filepath.Dir(p), filepath.Dir(p)+"2") },
	} {
		t.Run(what, func(t *testing.T) {
			dir := plant(t, mixed)
			_, s := built(t, dir)
			spoil(t, filepath.Join(dir, "d/b"))
			var err error
			buf := make([]byte, s.Layout().Longest())
			for b := s.Layout().FirstStream(); int(b) < s.Layout().Blocks() && err == nil; b++ {
				_, err = s.ReadBlock(b, buf)
			}
			why := whys[what]
			if why == "" {
				why = groupcast.WhyChanged
			}
			var lost *LostError
			if !errors.As(err, &lost) {
				t.Errorf("%s: %v", what, err)
			} else if what != "its folder left" && lost.Lost[0].Path != "d/b" || lost.Lost[0].Why != why {
				t.Errorf("%s: %v", what, lost.Lost)
			}
		})
	}
}

func TestBuildSeesThatAFileChanges(t *testing.T) {
	for what, spoil := range map[string]func(p string) error{
		"grows":   func(p string) error { return os.WriteFile(p, noise(400_000, "x"), 0o644) },
		"shrinks": func(p string) error { return os.Truncate(p, 5) },
		"goes":    os.Remove,
	} {
		t.Run(what, func(t *testing.T) {
			dir := plant(t, mixed)
			tree := scan(t, filepath.Join(dir, "d"))
			if err := spoil(filepath.Join(dir, "d/b")); err != nil {
				t.Fatal(err)
			}
			if _, err := Build(ctx, tree, nil); err == nil || !strings.Contains(err.Error(), "d/b") {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
}

func TestBuildSeesAWriterDuringTheRead(t *testing.T) {
	dir := plant(t, map[string]int{"d/big": 4 << 20})
	tree := scan(t, filepath.Join(dir, "d"))
	touched := false
	_, err := Build(ctx, tree, func(n uint64) {
		if !touched {
			touched = true
			later := time.Now().Add(time.Hour)
			if err := os.Chtimes(filepath.Join(dir, "d/big"), later, later); err != nil {
				t.Error(err)
			}
		}
	})
	var lost *LostError
	if !errors.As(err, &lost) || lost.Lost[0] != (Lost{"d/big", groupcast.WhyChanged}) {
		t.Errorf("%v", err)
	}
}

func TestBuildStops(t *testing.T) {
	tree := scan(t, filepath.Join(plant(t, map[string]int{"d/big": 4 << 20}), "d"))
	c, cancel := context.WithCancel(ctx)
	_, err := Build(c, tree, func(uint64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestOnlyEmptyThings(t *testing.T) {
	m, s := built(t, plant(t, map[string]int{"d/": 0, "d/a": 0, "d/e/": 0}))
	if len(m.Blocks) != 0 || m.Files[1].Digest != sha256.Sum256(nil) || s.Layout().Blocks() != 2 {
		t.Errorf("%+v", m)
	}
}

func BenchmarkBuild(b *testing.B) {
	tree := scan(b, filepath.Join(plant(b, map[string]int{"d/big": 64 << 20}), "d"))
	b.SetBytes(64 << 20)
	for b.Loop() {
		if _, err := Build(ctx, tree, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStageReading is what stands before packets are made at the sender: a block is read and compared
// with its digest, by as many goroutines as there are processors. Compare -cpu 1,2,4.
func BenchmarkStageReading(b *testing.B) {
	_, s := built(b, plant(b, map[string]int{"d/big": 64 << 20}))
	first, blocks := s.Layout().FirstStream(), protocol.BlockNumber(s.Layout().Blocks())
	b.SetBytes(protocol.BlockSize)
	var next atomic.Uint32
	b.RunParallel(func(pb *testing.PB) {
		buf := make([]byte, protocol.BlockSize)
		for pb.Next() {
			n := first + protocol.BlockNumber(next.Add(1))%(blocks-first-1)
			if _, err := s.ReadBlock(n, buf); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
