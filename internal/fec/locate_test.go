package fec

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/groupcast/groupcast/internal/protocol"
)

// forgedBlock draws a block, k symbols of it and further ones, some of which are forged, and decodes the k.
func forgedBlock(
	t testing.TB, c *Code, rnd *rand.Rand, k, size, more, forged int,
) (block []byte, s Suspect, wrong []protocol.SymbolIndex) {
	t.Helper()
	block = noise(k*size, rnd.Uint64())
	clear(block[k*size-rnd.IntN(size):])                // what pads the last symbol
	order := rnd.Perm(protocol.MaxSymbols - 1)[:k+more] // the index 255 is never sent
	list := symbols(t, c, block, k, size, order)
	for _, at := range rnd.Perm(len(list))[:forged] {
		genuine := bytes.Clone(list[at].Data)
		if rnd.IntN(2) == 0 {
			copy(list[at].Data, noise(size, rnd.Uint64()))
		}
		if bytes.Equal(list[at].Data, genuine) || rnd.IntN(2) == 0 { // noise of one byte may be the genuine one
			list[at].Data[rnd.IntN(size)] ^= byte(1 + rnd.IntN(255))
		}
		if bytes.Equal(list[at].Data, genuine) {
			list[at].Data[0] ^= 1
		}
		wrong = append(wrong, list[at].Index)
	}
	slices.Sort(wrong)
	s = Suspect{Block: make([]byte, len(block)), More: list[k:]}
	for _, m := range list[:k] {
		s.Held.Add(int(m.Index))
	}
	if err := c.Reconstruct(list[:k], k, size, s.Block); err != nil {
		t.Fatal(err)
	}
	return block, s, wrong
}

func someFactors(rnd *rand.Rand, size int) []byte {
	out := make([]byte, (size+lanes-1)/lanes)
	for i := range out {
		out[i] = byte(1 + rnd.IntN(255))
	}
	return out
}

func TestWrongSymbolsAreFound(t *testing.T) {
	c := NewCode()
	rapid.Check(t, func(rt *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		k, size := rapid.IntRange(1, protocol.MaxSourceSymbols).Draw(rt, "k"), rapid.IntRange(1, 300).Draw(rt, "size")
		e := rapid.IntRange(1, MaxWrong).Draw(rt, "e")
		forged := rapid.IntRange(1, e).Draw(rt, "forged")
		block, s, wrong := forgedBlock(t, c, rnd, k, size, 2*e, forged)
		before := bytes.Clone(s.Block)
		dst := make([]byte, len(block))
		got, err := c.Locate(s, k, size, someFactors(rnd, size), dst)
		if err != nil || !slices.Equal(got, wrong) {
			rt.Fatalf("k %d, %d more: found %v, forged %v: %v", k, 2*e, got, wrong, err)
		}
		if !bytes.Equal(dst, block) {
			rt.Fatal("the block that is left is wrong")
		}
		if !bytes.Equal(before, s.Block) {
			rt.Fatal("the suspect block was changed")
		}
	})
}

// TestTooManyWrongSymbols: what cannot be located is said, or gives a block whose digest is wrong; never a hang or a
// panic.
func TestTooManyWrongSymbols(t *testing.T) {
	c := NewCode()
	rnd := rand.New(rand.NewPCG(3, 3))
	unknown := 0
	for range 200 {
		k := 2 + rnd.IntN(180)
		block, s, _ := forgedBlock(t, c, rnd, k, 64, 2, 2+rnd.IntN(3))
		dst := make([]byte, len(block))
		if _, err := c.Locate(s, k, 64, someFactors(rnd, 64), dst); errors.Is(err, ErrNotLocated) {
			unknown++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if unknown < 190 {
		t.Errorf("%d of 200 were seen to have too many wrong symbols", unknown)
	}
}

func TestLocateRefuses(t *testing.T) {
	c := NewCode()
	rnd := rand.New(rand.NewPCG(1, 1))
	block, s, _ := forgedBlock(t, c, rnd, 10, 64, 2, 1)
	dst, f := make([]byte, len(block)), someFactors(rnd, 64)
	twice, short, few := s, s, s
	twice.More = []Symbol{s.More[0], s.More[0]}
	short.More = []Symbol{s.More[0], {Index: s.More[1].Index, Data: s.More[1].Data[:9]}}
	few.More = s.More[:1]
	for name, bad := range map[string]Suspect{
		"the same symbol twice": twice, "a short symbol": short, "one more only": few,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.Locate(bad, 10, 64, f, dst); err == nil {
				t.Errorf("%s: no error", name)
			}
		})
	}
	if _, err := c.Locate(s, 10, 64, nil, dst); err == nil {
		t.Error("no factors: no error")
	}
	if _, err := c.Locate(s, 10, 64, f, dst[:5]); err == nil {
		t.Error("a short buffer: no error")
	}
}

// FuzzLocate: no input makes Locate fail other than by an error.
func FuzzLocate(f *testing.F) {
	f.Add(uint8(10), uint8(64), uint64(1), []byte("forged"))
	c := NewCode()
	f.Fuzz(func(t *testing.T, k, size uint8, seed uint64, data []byte) {
		if k < 1 || size < 1 || int(k) > protocol.MaxSourceSymbols {
			return
		}
		rnd := rand.New(rand.NewPCG(seed, 0))
		block, s, _ := forgedBlock(t, c, rnd, int(k), int(size), 4, 0)
		for i, b := range data {
			s.More[i%4].Data[i%int(size)] ^= b
		}
		dst := make([]byte, len(block))
		if _, err := c.Locate(s, int(k), int(size), someFactors(rnd, int(size)), dst); err != nil &&
			!errors.Is(err, ErrNotLocated) {
			t.Fatal(err)
		}
	})
}

func BenchmarkLocate(b *testing.B) {
	c := NewCode()
	rnd := rand.New(rand.NewPCG(1, 1))
	block, s, _ := forgedBlock(b, c, rnd, 163, 1408, 2, 1)
	dst, f := make([]byte, len(block)), someFactors(rnd, 1408)
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		if _, err := c.Locate(s, 163, 1408, f, dst); err != nil {
			b.Fatal(err)
		}
	}
}
