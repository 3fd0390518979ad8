package receiver

import (
	"bytes"
	"errors"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
)

func newManifestBlocks(t *testing.T, o *origin) *manifestBlocks {
	t.Helper()
	m := new(manifestBlocks)
	if err := m.init(o.offer); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestManifestWaitsForTheIndex: blocks of the manifest are verified once the index is there, wrong ones
// come again, and the whole is given once.
func TestManifestWaitsForTheIndex(t *testing.T) {
	o := newOrigin(t, 1<<20)
	m := newManifestBlocks(t, o)
	index, block := o.content.Block(0), o.content.Block(1)
	wrong := bytes.Clone(block)
	wrong[0]++
	for _, c := range []struct {
		name  string
		block protocol.BlockNumber
		data  []byte
		want  []blockOutcome
	}{
		{"a wrong block before the index", 1, wrong, nil},
		{"a wrong index", 0, wrong[:len(index)], []blockOutcome{{0, recv.Mismatch}}},
		{"the index", 0, index, []blockOutcome{{0, recv.Stored}, {1, recv.Mismatch}}},
		{"a wrong block", 1, wrong, []blockOutcome{{1, recv.Mismatch}}},
		{"the block", 1, block, []blockOutcome{{1, recv.Stored}}},
		{"the block once more", 1, block, []blockOutcome{{1, recv.Stored}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := m.put(c.block, c.data)
			if len(got) != len(c.want) {
				t.Fatalf("got %v", got)
			}
			for n := range got {
				if got[n] != c.want[n] {
					t.Errorf("got %v", got)
				}
			}
		})
	}
	l, raw, err := m.whole()
	if err != nil || l == nil || !bytes.Equal(raw, o.content.Encoded.Manifest) {
		t.Errorf("the whole: %d bytes, %v", len(raw), err)
	}
	if l, _, err := m.whole(); l != nil || err != nil {
		t.Errorf("once more: %v, %v", l, err)
	}
	if waiting, err := m.supply(o.content.Encoded.Manifest); err != nil || waiting.Count() != 0 {
		t.Errorf("over HTTPS, too late: %v", err)
	}
}

func TestManifestOverHTTPS(t *testing.T) {
	o := newOrigin(t, 1<<20)
	m := newManifestBlocks(t, o)
	right := o.content.Encoded.Manifest
	other := bytes.Clone(right)
	other[len(other)-1]++
	for name, raw := range map[string][]byte{"none": nil, "too short": right[1:], "other bytes": other} {
		t.Run(name, func(t *testing.T) {
			if _, err := m.supply(raw); !errors.Is(err, errManifest) {
				t.Errorf("got %v", err)
			}
		})
	}
	m.put(1, o.content.Block(1))
	waiting, err := m.supply(right)
	if err != nil || waiting.Count() != 1 || !waiting.Has(1) {
		t.Errorf("%d blocks waited, %v", waiting.Count(), err)
	}
	if l, _, err := m.whole(); l == nil || err != nil {
		t.Errorf("the whole: %v", err)
	}
}
