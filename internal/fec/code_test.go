package fec

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/reedsolomon"
	"pgregory.net/rapid"

	"github.com/groupcast/groupcast/internal/protocol"
)

func noise(n int, seed uint64) []byte {
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	b := make([]byte, n)
	r.Read(b)
	return b
}

// slow computes a parity symbol straight from the definition, by shift and add.
func slow(block []byte, k, size, x int) []byte {
	times := func(a, b int) (p int) {
		for ; b > 0; b >>= 1 {
			if b&1 != 0 {
				p ^= a
			}
			if a <<= 1; a >= 256 {
				a ^= 0x11D
			}
		}
		return p
	}
	inverse := func(a int) int {
		for b := range 256 {
			if times(a, b) == 1 {
				return b
			}
		}
		panic("no inverse")
	}
	out := make([]byte, size)
	for j := range k {
		f := inverse(x ^ j)
		for i := range size {
			if j*size+i < len(block) {
				out[i] ^= byte(times(f, int(block[j*size+i])))
			}
		}
	}
	return out
}

func symbols(t testing.TB, c *Code, block []byte, k, size int, want []int) []Symbol {
	t.Helper()
	out := make([]Symbol, len(want))
	for i, x := range want {
		data := make([]byte, size)
		if x < k {
			copy(data, block[x*size:min(len(block), (x+1)*size)])
		} else if err := c.Parity(block, k, size, protocol.SymbolIndex(x), data); err != nil {
			t.Fatal(err)
		}
		out[i] = Symbol{protocol.SymbolIndex(x), data}
	}
	return out
}

func TestParityIsWhatTheDefinitionSays(t *testing.T) {
	c := NewCode()
	for _, g := range []struct{ length, size int }{{1, 1}, {7, 3}, {64, 64}, {100, 7}, {1000, 5}, {199 * 3, 3}} {
		t.Run(fmt.Sprint(g.length, " ", g.size), func(t *testing.T) {
			k := protocol.SourceSymbols(g.length, g.size)
			block := noise(g.length, 1)
			for x := k; x < 256; x += 1 + x%7 {
				got := make([]byte, g.size)
				if err := c.Parity(block, k, g.size, protocol.SymbolIndex(x), got); err != nil {
					t.Fatal(err)
				}
				if want := slow(block, k, g.size, x); !bytes.Equal(got, want) {
					t.Fatalf("length %d size %d row %d: %x, want %x", g.length, g.size, x, got, want)
				}
			}
		})
	}
}

// TestVectors fixes bytes for other implementations.
func TestVectors(t *testing.T) {
	block := make([]byte, 22)
	for i := range block {
		block[i] = byte(i*i + 1)
	}
	c := NewCode()
	for _, v := range []struct {
		row  int
		want string
	}{{6, "8e7f01bf"}, {7, "773d48f7"}, {255, "c598a4c1"}} {
		t.Run(v.want, func(t *testing.T) {
			got := make([]byte, 4)
			if err := c.Parity(block, 6, 4, protocol.SymbolIndex(v.row), got); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, slow(block, 6, 4, v.row)) {
				t.Errorf("row %d is not what the definition says", v.row)
			}
			if hex.EncodeToString(got) != v.want {
				t.Errorf("row %d: %x, want %s", v.row, got, v.want)
			}
		})
	}
}

func TestRowsTogetherAreRowsAlone(t *testing.T) {
	c := NewCode()
	block := noise(200*64-5, 2)
	dst := make([][]byte, 56)
	for i := range dst {
		dst[i] = make([]byte, 64)
	}
	if err := c.ParityRows(block, 200, 64, 200, dst); err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 64)
	for i := range dst {
		if err := c.Parity(block, 200, 64, protocol.SymbolIndex(200+i), one); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, dst[i]) {
			t.Fatalf("row %d differs", 200+i)
		}
	}
}

// TestEverySubset tries every choice of k out of k+p symbols for small k.
func TestEverySubset(t *testing.T) {
	c := NewCode()
	const size = 5
	for k := 1; k <= 6; k++ {
		block := noise(k*size-2, uint64(k))
		for p := 0; p <= 4; p++ {
			for set := range 1 << (k + p) {
				var want []int
				for x := range k + p {
					if set&(1<<x) != 0 {
						want = append(want, x)
					}
				}
				got := make([]byte, len(block))
				err := c.Reconstruct(symbols(t, c, block, k, size, want), k, size, got)
				if (err == nil) != (len(want) >= k) {
					t.Fatalf("k %d from %v: %v", k, want, err)
				}
				if err == nil && !bytes.Equal(got, block) {
					t.Fatalf("k %d from %v: wrong block", k, want)
				}
			}
		}
	}
}

func TestAnyKOfN(t *testing.T) {
	c := NewCode()
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, protocol.MaxSourceSymbols).Draw(t, "k")
		size := rapid.IntRange(1, 200).Draw(t, "size")
		block := noise(k*size-rapid.IntRange(0, size-1).Draw(t, "short"), rapid.Uint64().Draw(t, "seed"))
		order := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0)).Perm(protocol.MaxSymbols)
		list := make([]Symbol, k)
		for i, x := range order[:k] {
			data := make([]byte, size)
			if x < k {
				copy(data, block[x*size:min(len(block), (x+1)*size)])
			} else if err := c.Parity(block, k, size, protocol.SymbolIndex(x), data); err != nil {
				t.Fatal(err)
			}
			list[i] = Symbol{protocol.SymbolIndex(x), data}
		}
		got := make([]byte, len(block))
		if err := c.Reconstruct(list, k, size, got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, block) {
			t.Fatal("wrong block")
		}
		if len(c.encoders) > maxEncoders {
			t.Fatalf("%d encoders are cached", len(c.encoders))
		}
	})
}

func TestAllLostAndAllGeometries(t *testing.T) {
	c := NewCode()
	for k := 1; k <= 128; k++ { // as many parity symbols as source symbols exist
		block := noise(k*3-1, uint64(k))
		want := make([]int, k)
		for i := range want {
			want[i] = k + i
		}
		got := make([]byte, len(block))
		if err := c.Reconstruct(symbols(t, c, block, k, 3, want), k, 3, got); err != nil || !bytes.Equal(got, block) {
			t.Fatalf("k %d out of parity alone: %v", k, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	c := NewCode()
	block := noise(100, 1)
	buf := make([]byte, 10)
	for name, err := range map[string]error{
		"k too small":       c.Parity(block, 9, 10, 10, buf),
		"k too large":       c.Parity(noise(201, 1), 201, 1, 201, buf[:1]),
		"empty block":       c.Parity(nil, 0, 10, 10, buf),
		"a source row":      c.Parity(block, 10, 10, 9, buf),
		"rows past 255":     c.ParityRows(block, 10, 10, 255, [][]byte{buf, buf}),
		"short buffer":      c.Parity(block, 10, 10, 10, buf[:9]),
		"short symbol":      c.Reconstruct([]Symbol{{0, buf[:9]}}, 10, 10, block),
		"too few symbols":   c.Reconstruct([]Symbol{{0, buf}, {11, buf}}, 10, 10, block),
		"same symbol twice": c.Reconstruct([]Symbol{{0, buf}, {0, buf}}, 2, 50, block),
	} {
		t.Run(name, func(t *testing.T) {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		})
	}
	if err := c.ParityRows(block, 10, 10, 10, nil); err != nil {
		t.Errorf("no rows: %v", err)
	}
}

func TestParityAllocatesNothingOnceCached(t *testing.T) {
	c := NewCode()
	block := noise(164*1408, 1)
	dst := [][]byte{make([]byte, 1408), make([]byte, 1408)}
	if n := testing.AllocsPerRun(50, func() {
		if err := c.ParityRows(block, 164, 1408, 170, dst); err != nil {
			t.Fatal(err)
		}
	}); n > 2 { // two slice headers of the library's own pool
		t.Errorf("%v allocations", n)
	}
}

func FuzzReconstruct(f *testing.F) {
	f.Add(uint8(3), uint8(4), []byte{0, 3, 4}, []byte("some block"))
	f.Add(uint8(1), uint8(1), []byte{255}, []byte("x"))
	c := NewCode()
	f.Fuzz(func(t *testing.T, kk, sz uint8, pick, block []byte) {
		size := int(sz)
		if size == 0 || len(block) == 0 || protocol.SourceSymbols(len(block), size) != int(kk) ||
			kk > protocol.MaxSourceSymbols {
			if err := c.Reconstruct(nil, int(kk), size, block); err == nil {
				t.Fatal("an impossible or empty set was accepted")
			}
			return
		}
		var list []int
		seen := map[byte]bool{}
		for _, x := range pick {
			if !seen[x] {
				list = append(list, int(x))
				seen[x] = true
			}
		}
		got := make([]byte, len(block))
		err := c.Reconstruct(symbols(t, c, block, int(kk), size, list), int(kk), size, got)
		if (err == nil) != (len(list) >= int(kk)) {
			t.Fatalf("%d symbols of %d: %v", len(list), kk, err)
		}
		if err == nil && !bytes.Equal(got, block) {
			t.Fatal("wrong block")
		}
	})
}

func BenchmarkParity(b *testing.B) {
	for _, n := range []int{1, 4, 10} {
		b.Run(fmt.Sprintf("k=164/rows=%d", n), func(b *testing.B) {
			c := NewCode()
			block := noise(164*1408, 1)
			dst := make([][]byte, n)
			for i := range dst {
				dst[i] = make([]byte, 1408)
			}
			b.SetBytes(int64(len(block)))
			for b.Loop() {
				if err := c.ParityRows(block, 164, 1408, 170, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReconstruct(b *testing.B) {
	for _, e := range []int{0, 2, 10, 40} {
		b.Run(fmt.Sprintf("k=164/lost=%d", e), func(b *testing.B) {
			c := NewCode()
			block := noise(164*1408, 1)
			var want []int
			for x := e; x < 164+e; x++ {
				want = append(want, x)
			}
			list := symbols(b, c, block, 164, 1408, want)
			got := make([]byte, len(block))
			b.SetBytes(int64(len(block)))
			for b.Loop() {
				if err := c.Reconstruct(list, 164, 1408, got); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReconstructTransfer is what a receiver does at 5 % loss: 291 blocks with a fresh Code,
// each with losses of its own, parity among them.
func BenchmarkReconstructTransfer(b *testing.B) {
	const k, size, blocks = 164, 1408, 291
	block := noise(k*size, 1)
	all := symbols(b, NewCode(), block, k, size, upTo(k+40))
	rnd := rand.New(rand.NewPCG(1, 2))
	lists := make([][]Symbol, blocks)
	for i := range lists {
		for _, s := range all {
			if len(lists[i]) < k && rnd.Float64() >= 0.05 {
				lists[i] = append(lists[i], s)
			}
		}
	}
	got := make([]byte, len(block))
	b.SetBytes(blocks * k * size)
	for b.Loop() {
		c := NewCode()
		for _, l := range lists {
			if err := c.Reconstruct(l, k, size, got); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func upTo(n int) (out []int) {
	for x := range n {
		out = append(out, x)
	}
	return out
}

// BenchmarkLibrary is what the library's own decoder costs: the reason for reconstruct.go.
func BenchmarkLibrary(b *testing.B) {
	enc, err := reedsolomon.New(164, 10, reedsolomon.WithCauchyMatrix(), reedsolomon.WithInversionCache(false),
		reedsolomon.WithMaxGoroutines(1))
	if err != nil {
		b.Fatal(err)
	}
	shards, _ := enc.Split(noise(164*1408, 1))
	if err := enc.Encode(shards); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(164 * 1408)
	for b.Loop() {
		for j := range 10 {
			shards[j*3] = shards[j*3][:0]
		}
		if err := enc.ReconstructData(shards); err != nil {
			b.Fatal(err)
		}
	}
}
