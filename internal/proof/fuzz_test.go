package proof_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/proof"
	"github.com/groupcast/groupcast/internal/protocol"
)

// FuzzProof puts other bytes into a proof, or in its place: what is read is written again with the
// same values, and none but what the server signed proves anything.
func FuzzProof(f *testing.F) {
	m := newMaker(f)
	genuine := m.text(m.make())
	f.Add(uint32(0), uint8(0), []byte(`{"v":1,"chain":["",""]}`))
	f.Add(uint32(1), uint8(0), []byte(`"v":1,`))
	f.Add(uint32(2), uint8(0), []byte{})
	f.Add(uint32(400), uint8(1), []byte("\\u003c"))
	f.Fuzz(func(t *testing.T, at uint32, gone uint8, other []byte) {
		raw := other
		if at > 0 {
			from := int(at-1) % len(genuine)
			raw = slices.Concat(genuine[:from], other, genuine[min(from+int(gone), len(genuine)):])
		}
		p, err := proof.Parse(bytes.NewReader(raw))
		if err != nil {
			if groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		same, err := proof.Parse(bytes.NewReader(again))
		if err != nil || !reflect.DeepEqual(same, p) {
			t.Fatalf("%s is not read as %s: %v", raw, again, err)
		}
		if _, err := proof.Verify(p, m.ca.ID()); (err == nil) != bytes.Equal(again, genuine) {
			t.Fatalf("%v for %s", err, raw)
		}
		if _, err := proof.Verify(p, protocol.ServerID{1}); err == nil {
			t.Fatal("a proof of another server counts")
		}
	})
}
