package protocol

import (
	"strings"
	"testing"
)

// FuzzIdentifiers: an identifier is read from hex of its length only, and written as it was read.
func FuzzIdentifiers(f *testing.F) {
	for _, s := range []string{
		"", "00112233445566778899aabbccddeeff", "0011223344556677", strings.Repeat("ab", 32),
		strings.Repeat("AB", 32), "zz",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var server ServerID
		var session SessionID
		var group GroupID
		var device DeviceID
		var feedback FeedbackID
		var digest Digest
		for _, id := range []interface {
			UnmarshalText([]byte) error
			MarshalText() ([]byte, error)
		}{&server, &session, &group, &device, &feedback, &digest} {
			if err := id.UnmarshalText(in); err != nil {
				continue
			}
			if out, err := id.MarshalText(); err != nil || !strings.EqualFold(string(out), string(in)) {
				t.Fatalf("%T: %q was written as %q, %v", id, in, out, err)
			}
		}
	})
}

// FuzzBlockSet: a set that was made from any ranges lists what it lacks and nothing else.
func FuzzBlockSet(f *testing.F) {
	f.Add(uint16(100), []byte{0, 10, 5, 200, 99, 1})
	f.Add(uint16(64), []byte{63, 1})
	f.Fuzz(func(t *testing.T, n uint16, ranges []byte) {
		s := NewBlockSet(int(n % 2000))
		for i := 0; i+1 < len(ranges); i += 2 {
			s.AddRange(Range{First: BlockNumber(ranges[i]) * 7, Count: uint32(ranges[i+1])})
		}
		lacks := 0
		for _, r := range s.Missing(1 << 20) {
			for b := r.First; b < r.First+BlockNumber(r.Count); b++ {
				if s.Has(b) {
					t.Fatalf("%d is held and listed as missing", b)
				}
				lacks++
			}
		}
		if lacks+s.Count() != s.Len() {
			t.Fatalf("%d missing, %d held, of %d", lacks, s.Count(), s.Len())
		}
		few := s.Missing(3)
		if len(few) > 3 {
			t.Fatalf("%d ranges", len(few))
		}
	})
}
