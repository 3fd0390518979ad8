package manifest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/groupcast/groupcast/internal/manifest"
)

// entriesOf reads the entries of a manifest of empty files; a trailing / marks a folder.
func entriesOf(t *testing.T, paths ...string) *manifest.Entries {
	t.Helper()
	var m manifest.Manifest
	for _, p := range paths {
		f := manifest.File{Path: strings.TrimSuffix(p, "/")}
		if f.Path != p {
			f.Kind = manifest.KindFolder
		}
		m.Files = append(m.Files, f)
	}
	raw := m.Append(nil)
	e, err := manifest.ReadEntries(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestCovers(t *testing.T) {
	for name, c := range map[string]struct {
		newer, older []string
		want         bool
	}{
		"the same":                {[]string{"a", "b"}, []string{"a", "b"}, true},
		"more":                    {[]string{"0", "a", "aa", "b", "c"}, []string{"a", "b"}, true},
		"less":                    {[]string{"a"}, []string{"a", "b"}, false},
		"another one between":     {[]string{"a", "c"}, []string{"a", "b", "c"}, false},
		"another name":            {[]string{"b"}, []string{"a"}, false},
		"the same end only":       {[]string{"d/", "d/b"}, []string{"d/", "d/a", "d/b"}, false},
		"a folder without a file": {[]string{"d/", "d/a"}, []string{"d/", "d/out/"}, false},
		"a folder that is filled": {[]string{"d/", "d/out/", "d/out/x"}, []string{"d/", "d/out/"}, true},
		"a file for a folder":     {[]string{"d"}, []string{"d/"}, true},
		"nothing":                 {nil, []string{"a"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := manifest.Covers(entriesOf(t, c.newer...), entriesOf(t, c.older...))
			if err != nil || got != c.want {
				t.Fatalf("%v, %v; want %v", got, err, c.want)
			}
		})
	}
}

// failing gives some bytes, then an error.
type failing struct {
	io.Reader
	err error
}

func (f failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = f.err
	}
	return n, err
}

// TestCoversDecidesNothingOnAnError: neither list may end early and count as whole.
func TestCoversDecidesNothingOnAnError(t *testing.T) {
	var m manifest.Manifest
	for i := range 10_000 {
		m.Files = append(m.Files, manifest.File{Path: fmt.Sprintf("f%05d", i)})
	}
	raw, broken := m.Append(nil), errors.New("the disk is away")
	open := func(n int, err error) *manifest.Entries {
		t.Helper()
		e, wrong := manifest.ReadEntries(failing{bytes.NewReader(raw[:n]), err}, int64(len(raw)))
		if wrong != nil {
			t.Fatal(wrong)
		}
		return e
	}
	for name, c := range map[string]struct{ newer, older int }{
		"the newer one": {len(raw) / 2, len(raw)}, "the older one": {len(raw), len(raw) / 2},
	} {
		if yes, err := manifest.Covers(open(c.newer, broken), open(c.older, broken)); yes || !errors.Is(err, broken) {
			t.Errorf("%s breaks off: %v, %v", name, yes, err)
		}
	}
	if _, err := manifest.ReadEntries(bytes.NewReader([]byte("GCM1")), 4); err == nil {
		t.Error("a manifest without a head was read")
	}
	swapped := bytes.Replace(raw, []byte("f00001"), []byte("f00000"), 1)
	e, err := manifest.ReadEntries(bytes.NewReader(swapped), int64(len(swapped)))
	if err != nil {
		t.Fatal(err)
	}
	if yes, err := manifest.Covers(e, open(len(raw), io.EOF)); yes || err == nil {
		t.Errorf("paths that do not come in their order: %v, %v", yes, err)
	}
}
