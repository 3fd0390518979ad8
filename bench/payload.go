package main

import (
	crand "crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// payload is what a run sends: fresh pseudo-random content, and its digests.
type payload struct {
	paths []string            // as given to the sender
	sums  map[string][32]byte // by path below the receiver's folder
}

// newContent writes what a cell sends, and what its receivers have of it.
func newContent(dir string, c cell) (p payload, m images, err error) {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails
	source := rand.NewChaCha8(seed)
	if c.Delta != nil {
		m, p, err = newImages(dir, c, source)
		return p, m, err
	}
	p, err = newPayload(dir, c, source)
	return p, m, err
}

// newPayload writes one file, a few files, or a folder called tree.
func newPayload(dir string, c cell, source io.Reader) (p payload, err error) {
	p.sums = map[string][32]byte{}
	name := func(i int) string { return "data.bin" }
	switch {
	case c.Files > 16:
		name = func(i int) string { return fmt.Sprintf("tree/f%05d", i) }
		if err := os.Mkdir(filepath.Join(dir, "tree"), 0o755); err != nil {
			return p, err
		}
		p.paths = []string{filepath.Join(dir, "tree")}
	case c.Files > 0:
		name = func(i int) string { return fmt.Sprintf("file%d", i) }
	}
	for i := range max(1, c.Files) {
		path := filepath.Join(dir, name(i))
		if p.sums[name(i)], err = randomFile(path, c.each(), source); err != nil {
			return p, err
		}
		if c.Files <= 16 {
			p.paths = append(p.paths, path)
		}
	}
	return p, nil
}

func randomFile(path string, size int64, source io.Reader) (sum [32]byte, err error) {
	f, err := os.Create(path)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	_, err = io.CopyN(io.MultiWriter(f, h), source, size)
	return [32]byte(h.Sum(nil)), errors.Join(err, f.Close())
}

// here says whether everything is below dir in full size. Of a folder it counts the names,
// for ten thousand of them are looked for fifty times a second, and only once the last one is
// there: counting takes a fifth of a processor from what is measured.
func (p payload) here(dir string, each int64) bool {
	if len(p.sums) > 16 {
		if _, err := os.Lstat(filepath.Join(dir, fmt.Sprintf("tree/f%05d", len(p.sums)-1))); err != nil {
			return false
		}
		f, err := os.Open(filepath.Join(dir, "tree"))
		if err != nil {
			return false
		}
		defer f.Close()
		names, err := f.Readdirnames(-1)
		return err == nil && len(names) >= len(p.sums)
	}
	for name := range p.sums {
		if fi, err := os.Stat(filepath.Join(dir, name)); err != nil || fi.Size() != each {
			return false
		}
	}
	return true
}

// compare checks every file below dir by its digest.
func (p payload) compare(dir string) error {
	for name, want := range p.sums {
		got, err := digest(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%s differs from what was sent", filepath.Join(dir, name))
		}
	}
	return nil
}

func digest(path string) (sum [32]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return [32]byte(h.Sum(nil)), err
}
