package fec

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

// symbolsOf makes a block of k random symbols and all its symbols.
func symbolsOf(t testing.TB, c *Code, k, size int, rnd *rand.Rand) (block []byte, all []Symbol) {
	t.Helper()
	block = make([]byte, k*size)
	for i := range block {
		block[i] = byte(rnd.Uint32())
	}
	parity := make([][]byte, protocol.MaxSymbols-k)
	for i := range parity {
		parity[i] = make([]byte, size)
	}
	if err := c.Parity(block, k, size, protocol.SymbolIndex(k), parity); err != nil {
		t.Fatal(err)
	}
	for i := range protocol.MaxSymbols {
		data := []byte(nil)
		if i < k {
			data = block[i*size : (i+1)*size]
		} else {
			data = parity[i-k]
		}
		all = append(all, Symbol{protocol.SymbolIndex(i), data})
	}
	return block, all
}

func TestAnyKOfN(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	c := NewCode()
	for _, k := range []int{1, 2, 3, 7, 16, 64, 164, 199, 200} {
		block, all := symbolsOf(t, c, k, 48, rnd)
		for try := range 20 {
			rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			got := bytes.Repeat([]byte{0xEE}, len(block))
			if err := c.Reconstruct(all[:k], k, 48, got); err != nil {
				t.Fatalf("k=%d try %d: %v", k, try, err)
			}
			if !bytes.Equal(got, block) {
				t.Fatalf("k=%d try %d: wrong bytes", k, try)
			}
		}
	}
}

// TestEveryPatternOfASmallBlock takes every choice of 4 of the first 10 symbols.
func TestEveryPatternOfASmallBlock(t *testing.T) {
	c := NewCode()
	block, all := symbolsOf(t, c, 4, 8, rand.New(rand.NewPCG(3, 4)))
	for mask := range 1 << 10 {
		var some []Symbol
		for i := range 10 {
			if mask>>i&1 == 1 {
				some = append(some, all[i])
			}
		}
		got := make([]byte, len(block))
		err := c.Reconstruct(some, 4, 8, got)
		if len(some) < 4 {
			if !errors.Is(err, ErrTooFew) {
				t.Fatalf("%010b: %v, want ErrTooFew", mask, err)
			}
			continue
		}
		if err != nil || !bytes.Equal(got, block) {
			t.Fatalf("%010b: %v", mask, err)
		}
	}
}

// TestRowsDoNotDependOnHowManyAreSent: rows one by one are the rows of one call.
func TestRowsDoNotDependOnHowManyAreSent(t *testing.T) {
	c := NewCode()
	block, all := symbolsOf(t, c, 20, 32, rand.New(rand.NewPCG(5, 6)))
	for i := 20; i < 256; i += 17 {
		one := make([]byte, 32)
		if err := c.Parity(block, 20, 32, protocol.SymbolIndex(i), [][]byte{one}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, all[i].Data) {
			t.Fatalf("row %d differs", i)
		}
	}
	if len(c.encoders) > maxEncoders {
		t.Errorf("%d encoders are kept", len(c.encoders))
	}
}

// TestVector pins the code: another implementation must make the same bytes.
func TestVector(t *testing.T) {
	block := make([]byte, 5*16)
	for i := range block {
		block[i] = byte(i * 7)
	}
	parity := [][]byte{make([]byte, 16), make([]byte, 16), make([]byte, 16)}
	if err := NewCode().Parity(block, 5, 16, 5, parity); err != nil {
		t.Fatal(err)
	}
	for i, p := range parity {
		want := make([]byte, 16) // straight from the definition
		for j := range 5 {
			for b := range want {
				want[b] ^= slowProduct(slowInverse(byte((5+i)^j)), block[j*16+b])
			}
		}
		if !bytes.Equal(p, want) {
			t.Errorf("row %d: %x, want %x", 5+i, p, want)
		}
	}
	sum := sha256.Sum256(bytes.Join(parity, nil))
	t.Logf("SHA-256 of the three rows: %s", hex.EncodeToString(sum[:]))
}

func slowProduct(a, b byte) byte {
	p, x := 0, int(a)
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			p ^= x
		}
		if x <<= 1; x > 255 {
			x ^= 0x11D
		}
	}
	return byte(p)
}

func slowInverse(a byte) byte {
	for b := 1; b < 256; b++ {
		if slowProduct(a, byte(b)) == 1 {
			return byte(b)
		}
	}
	panic("0 has no inverse")
}

func TestBadGeometry(t *testing.T) {
	c := NewCode()
	if err := c.Parity(make([]byte, 10), 2, 4, 2, nil); err == nil {
		t.Error("a block of the wrong length passed")
	}
	if err := c.Parity(make([]byte, 8), 2, 4, 1, [][]byte{make([]byte, 4)}); err == nil {
		t.Error("a source symbol passed as parity")
	}
	if err := c.Parity(make([]byte, 8), 2, 4, 255, [][]byte{make([]byte, 4), make([]byte, 4)}); err == nil {
		t.Error("a row past the field passed")
	}
	if err := c.Reconstruct([]Symbol{{0, make([]byte, 3)}}, 1, 4, make([]byte, 4)); err == nil {
		t.Error("a short symbol passed")
	}
}

func FuzzReconstruct(f *testing.F) {
	f.Add(uint64(1), uint8(10), uint8(3))
	f.Add(uint64(2), uint8(200), uint8(56))
	f.Fuzz(func(t *testing.T, seed uint64, k, lost uint8) {
		kk := int(k)%protocol.MaxSourceSymbols + 1
		rnd := rand.New(rand.NewPCG(seed, 0))
		c := NewCode()
		block, all := symbolsOf(t, c, kk, 16, rnd)
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		n := max(0, kk-int(lost)%3)
		got := make([]byte, len(block))
		err := c.Reconstruct(all[:n], kk, 16, got)
		if n < kk {
			if err == nil {
				t.Fatal("too few symbols were enough")
			}
			return
		}
		if err != nil || !bytes.Equal(got, block) {
			t.Fatalf("k=%d: %v", kk, err)
		}
	})
}

func BenchmarkParity(b *testing.B) {
	for _, rows := range []int{1, 4, 14} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			c := NewCode()
			block := make([]byte, 164*1408)
			dst := make([][]byte, rows)
			for i := range dst {
				dst[i] = make([]byte, 1408)
			}
			b.SetBytes(int64(len(block)))
			for b.Loop() {
				if err := c.Parity(block, 164, 1408, 164, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReconstruct(b *testing.B) {
	for _, lost := range []int{0, 1, 8, 16, 40} {
		b.Run(fmt.Sprintf("lost=%d", lost), func(b *testing.B) {
			rnd := rand.New(rand.NewPCG(7, 8))
			c := NewCode()
			_, all := symbolsOf(b, c, 164, 1408, rnd)
			got := make([]byte, 164*1408)
			b.SetBytes(int64(len(got)))
			for b.Loop() {
				source := append([]Symbol(nil), all[:164]...)
				rnd.Shuffle(164, func(i, j int) { source[i], source[j] = source[j], source[i] })
				if err := c.Reconstruct(append(source[:164-lost], all[164:164+lost]...), 164, 1408, got); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
