package protocol_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

// TestBlockSetAgainstAMap compares the set with a map through random operations.
func TestBlockSetAgainstAMap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 63, 64, 65, 1000} {
		set, ref := protocol.NewBlockSet(n), map[protocol.BlockNumber]bool{}
		for range 3000 {
			b := protocol.BlockNumber(rnd.IntN(n + 2)) // some out of range
			if rnd.IntN(3) > 0 {
				if set.Add(b) != (int(b) < n && !ref[b]) {
					t.Fatalf("Add(%d) of %d", b, n)
				}
				if int(b) < n {
					ref[b] = true
				}
			} else {
				if set.Remove(b) != ref[b] {
					t.Fatalf("Remove(%d)", b)
				}
				delete(ref, b)
			}
			if set.Count() != len(ref) || set.Has(b) != ref[b] {
				t.Fatalf("%d members, want %d", set.Count(), len(ref))
			}
		}
		checkWalk(t, set, ref)
		checkMissing(t, set, ref, n)
	}
}

func checkWalk(t *testing.T, set *protocol.BlockSet, ref map[protocol.BlockNumber]bool) {
	t.Helper()
	seen := 0
	for b, ok := set.Next(0); ok; b, ok = set.Next(b + 1) {
		if !ref[b] {
			t.Fatalf("Next gives %d, which is no member", b)
		}
		seen++
	}
	if seen != len(ref) {
		t.Fatalf("Next finds %d of %d members", seen, len(ref))
	}
}

// checkMissing: the ranges hold every block that is missing; without a limit, nothing else.
func checkMissing(t *testing.T, set *protocol.BlockSet, ref map[protocol.BlockNumber]bool, n int) {
	t.Helper()
	for _, limit := range []int{1, 3, n + 1} {
		ranges := set.Missing(limit)
		if len(ranges) > limit {
			t.Fatalf("%d ranges, at most %d", len(ranges), limit)
		}
		named := protocol.NewBlockSet(n)
		for _, r := range ranges {
			named.AddRange(r)
		}
		for b := range protocol.BlockNumber(n) {
			if !ref[b] && !named.Has(b) || limit > n && ref[b] && named.Has(b) {
				t.Fatalf("limit %d: block %d", limit, b)
			}
		}
	}
}

func TestCloneIsIndependent(t *testing.T) {
	a := protocol.NewBlockSet(10)
	a.Add(3)
	b := a.Clone()
	b.Add(4)
	if a.Has(4) || !b.Has(3) || a.Count() != 1 {
		t.Error("a clone shares memory with its original")
	}
}

func TestIdentifiersAreHexOfTheRightLength(t *testing.T) {
	id := protocol.NewDeviceID()
	text, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	var back protocol.DeviceID
	if err := json.Unmarshal(text, &back); err != nil || back != id {
		t.Errorf("%s became %s: %v", id, back, err)
	}
	for _, bad := range []string{`""`, `"00"`, `"zz` + id.String()[2:] + `"`, `"` + id.String() + `00"`} {
		t.Run(bad, func(t *testing.T) {
			if json.Unmarshal([]byte(bad), &back) == nil {
				t.Errorf("%s was taken for an identifier", bad)
			}
		})
	}
	if first, second := protocol.NewSessionID(), protocol.NewSessionID(); first == second {
		t.Error("two session IDs are the same")
	}
}

func TestSourceSymbols(t *testing.T) {
	for _, c := range [][3]int{
		{0, 1408, 0},
		{1, 1408, 1},
		{1408, 1408, 1},
		{1409, 1408, 2},
		{protocol.BlockSize, protocol.DefaultSymbol, 164},
		{protocol.BlockSize, protocol.TunnelSymbol, 200},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			if k := protocol.SourceSymbols(c[0], c[1]); k != c[2] {
				t.Errorf("%d bytes in symbols of %d: %d, want %d", c[0], c[1], k, c[2])
			}
		})
	}
}
