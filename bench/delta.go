package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// delta says how an image differs from what the receivers have of it.
type delta struct {
	Percent float64 `json:"percent,omitempty"` // of its bytes
	Piece   int     `json:"piece,omitempty"`   // bytes of each change, scattered over the image
	Olds    int     `json:"olds,omitempty"`    // versions that receivers have: each has one, in turn
	Renamed bool    `json:"renamed,omitempty"` // only its name differs
}

const (
	imageName = "image.img"
	otherName = "image-2.img"
	notesName = "notes.txt" // stays as it is beside the image: groupcast looks where a path was sent before
	pageBytes = 4096        // where changes begin
)

// name is the image's at the receivers in the end.
func (d delta) name() string {
	if d.Renamed {
		return otherName
	}
	return imageName
}

// images is a delta's content, outside of what is sent: the versions that receivers have, and the
// image itself.
type images struct {
	olds    []string
	image   string
	touched int64 // bytes of the blocks of the fixed grid that differ from one version or another
}

// newImages writes the versions, in chunks that need little memory.
func newImages(dir string, c cell, source *rand.ChaCha8) (m images, p payload, err error) {
	tree := filepath.Join(dir, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		return m, p, err
	}
	if err := os.WriteFile(filepath.Join(tree, notesName), []byte("Notes beside the image.\n"), 0o644); err != nil {
		return m, p, err
	}
	m.image = filepath.Join(dir, "new.img")
	sum, err := randomFile(m.image, c.each(), source)
	if err != nil {
		return m, p, err
	}
	p = payload{paths: []string{tree}, sums: map[string][32]byte{"tree/" + c.Delta.name(): sum}}
	blocks := map[int64]bool{}
	for i := range max(1, c.Delta.Olds) {
		old := filepath.Join(dir, fmt.Sprintf("old%d.img", i))
		if err := copyFile(old, m.image); err != nil {
			return m, p, err
		}
		if err := scatter(old, *c.Delta, c.each(), source, blocks); err != nil {
			return m, p, err
		}
		m.olds = append(m.olds, old)
		if !c.Delta.Renamed { // what is only renamed keeps its time
			before := time.Now().Add(-time.Duration(i+1) * time.Hour)
			if err := os.Chtimes(old, before, before); err != nil {
				return m, p, err
			}
		}
	}
	for b := range blocks {
		m.touched += min(protocol.BlockSize, c.each()-b*protocol.BlockSize)
	}
	return m, p, nil
}

// scatter changes pieces of a file, none of them twice, and notes which blocks they lie in.
func scatter(path string, d delta, size int64, source *rand.ChaCha8, blocks map[int64]bool) error {
	if d.Percent == 0 {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	piece := int64(d.Piece)
	spare := piece / pageBytes / 2  // pages by which a piece may be off, so that none meets the next
	slot := piece + spare*pageBytes // each holds one piece
	wanted := int(math.Round(float64(size) * d.Percent / 100 / float64(piece)))
	draw, fresh := rand.New(source), make([]byte, piece) //nolint:gosec // where changes lie is no secret
	for _, i := range draw.Perm(int(size / slot))[:wanted] {
		at := int64(i)*slot + draw.Int64N(spare+1)*pageBytes
		_, _ = source.Read(fresh) // never fails
		if _, err := f.WriteAt(fresh, at); err != nil {
			return err
		}
		for b := at / protocol.BlockSize; b <= (at+piece-1)/protocol.BlockSize; b++ {
			blocks[b] = true
		}
	}
	return nil
}

func copyFile(to, from string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, data, 0o644); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}

// oldOf is the version that receiver i has.
func (m images) oldOf(i int) string { return m.olds[(i-1)%len(m.olds)] }

// place puts a version under the image's name into the folder that is sent.
func (b *bed) place(version, name string) error {
	tree := b.load.paths[0]
	for _, n := range []string{imageName, otherName} {
		_ = os.Remove(filepath.Join(tree, n)) // mostly one of them is there
	}
	return copyFile(filepath.Join(tree, name), version)
}

// placeNew puts the image where every tool sends it from.
func (b *bed) placeNew() error { return b.place(b.images.image, b.cell.Delta.name()) }

// unlimited does some work while the sender's wire has no limit: what the clock does not measure.
func (b *bed) unlimited(work func() error) error {
	if err := b.lab.SetRate(""); err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	return b.lab.SetRate(labOf(b.cell).Rate)
}

// seedOurs sends the receivers the versions that they are to have.
func (b *bed) seedOurs() error {
	return b.unlimited(func() error {
		for v, old := range b.images.olds {
			if err := b.place(old, imageName); err != nil {
				return err
			}
			args := []string{"send", "lab", b.load.paths[0], "--via", "multicast"}
			if len(b.images.olds) > 1 {
				only, err := b.devices(func(i int) bool { return b.images.oldOf(i) == b.images.olds[v] })
				if err != nil {
					return err
				}
				for _, d := range only {
					args = append(args, "--only", d)
				}
			}
			if _, err := b.do("s", "", args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// devices names those of the receivers for which is holds.
func (b *bed) devices(is func(i int) bool) (names []string, err error) {
	out, err := b.do("s", "", "device", "list", "--json")
	if err != nil {
		return nil, err
	}
	all, err := parseDevices(out)
	for i := 1; err == nil && i <= b.cell.N; i++ {
		if name := all["u"+strconv.Itoa(i)]; is(i) {
			names = append(names, name)
		}
	}
	return names, err
}

// parseDevices reads which device each user has, as --only takes it.
func parseDevices(text []byte) (map[string]string, error) {
	var list []groupcast.Device
	if err := json.Unmarshal(text, &list); err != nil {
		var page struct{ Items []groupcast.Device }
		if err := json.Unmarshal(text, &page); err != nil {
			return nil, err
		}
		list = page.Items
	}
	all := map[string]string{}
	for _, d := range list {
		all[d.User] = d.User + "/" + d.Name
	}
	return all, nil
}

// replaced gives a check whether receiver i's image is another file than now: it gets its name once
// it is complete and verified.
func (b *bed) replaced() func(i int) bool {
	path := func(i int) string { return filepath.Join(b.out(i), "lab", "tree", b.cell.Delta.name()) }
	before := make([]os.FileInfo, b.cell.N+1)
	for i := 1; i <= b.cell.N; i++ {
		before[i], _ = os.Stat(path(i)) // nil where it is not there yet
	}
	return func(i int) bool {
		now, err := os.Stat(path(i))
		return err == nil && (before[i] == nil || !os.SameFile(before[i], now))
	}
}

// seedRival puts the version that a receiver has into its folder.
func (b *bed) seedRival(i int) error {
	tree := filepath.Join(b.out(i), "tree")
	if err := os.MkdirAll(tree, 0o755); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(tree, notesName), filepath.Join(b.load.paths[0], notesName)); err != nil {
		return err
	}
	return copyFile(filepath.Join(tree, imageName), b.images.oldOf(i))
}

// deltas are an image again, a little different: what goes over the wire, and how long it takes.
func deltas() (all []cell) {
	kinds := []struct {
		name string
		d    delta
	}{
		{"1", delta{Percent: 1, Piece: 256 << 10}},
		{"10", delta{Percent: 10, Piece: 256 << 10}},
		{"4k", delta{Percent: 1, Piece: pageBytes}},
		{"renamed", delta{Renamed: true}},
		{"two", delta{Percent: 1, Piece: 256 << 10, Olds: 2}},
	}
	for _, k := range kinds {
		for _, n := range []int{1, 4, 8} {
			for _, wire := range []string{"1gbit", "100mbit"} {
				if k.d.Olds > n {
					continue
				}
				d := k.d
				all = append(all, cell{
					Name: fmt.Sprintf("delta-%s-n%d-%s", k.name, n, wire), N: n, Wire: wire, MiB: 256, Delta: &d,
					Segmentation: true, // which TCP is used to
					tools:        slices.Clone(deltaTools), limit: time.Minute, goals: []goal{asLacking(k.d), fasterThanRivals()},
				})
			}
		}
	}
	return all
}

var deltaTools = []string{product, "rsync", "zsync", "casync"}
