package fec

import (
	"errors"
	"fmt"

	"github.com/groupcast/groupcast/internal/protocol"
)

// MaxWrong is how many wrong symbols of one block Locate finds at most.
const MaxWrong = 4

// ErrNotLocated says that the wrong symbols could not be found: there are more of them than half
// the symbols that came in addition.
var ErrNotLocated = errors.New("the wrong symbols of the block cannot be located")

// lanes is how many bytes a symbol is folded to when wrong symbols are searched for.
const lanes = 64

// Factors is how many factors Locate takes for symbols of this size.
func Factors(size int) int { return (size + lanes - 1) / lanes }

// Suspect is a block that came out of k symbols with a wrong digest.
type Suspect struct {
	Block []byte   // what the k symbols gave
	Held  Set      // their indices
	More  []Symbol // that came since, with other indices: two for each symbol that may be wrong
}

// Set is a set of symbol indices.
type Set [protocol.MaxSymbols / 64]uint64

// Has says whether an index is in the set.
func (s *Set) Has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

// Add puts an index into the set.
func (s *Set) Add(i int) { s[i/64] |= 1 << (i % 64) }

// Locate finds up to len(s.More)/2 wrong symbols among those that s was made of and s.More, and
// writes the block that the others give to dst, which is as long as s.Block and shares no memory
// with it. Factors are random bytes that the sender of the symbols cannot know, as
// many as Factors says. The caller checks the digest of dst: two forged symbols that agree
// with one another can pass for right ones.
//
// Source and parity symbols together are a code word of a generalized Reed-Solomon code with the
// indices as evaluation points: with the source symbols f(j)/Π(j-m), the Cauchy row of x gives
// f(x)/Π(x-m), m over 0 … k-1. So the usual search applies: 2e syndromes, a locator polynomial of
// degree e at most, its roots. All bytes of a symbol are wrong or right together, so each of the
// 64 folded bytes adds equations for the same locator.
func (c *Code) Locate(s Suspect, k, size int, factors, dst []byte) (wrong []protocol.SymbolIndex, err error) {
	if err := checkGeometry(len(s.Block), k, size); err != nil {
		return nil, err
	}
	if len(s.Block) != k*size {
		return nil, fmt.Errorf("a suspect block of %d bytes is not %d whole symbols of %d", len(s.Block), k, size)
	}
	if len(dst) != len(s.Block) || len(s.More) < 2 || len(s.More) > 2*MaxWrong || len(factors) != Factors(size) {
		return nil, fmt.Errorf("locate in %d bytes with %d more symbols and %d factors: impossible", len(dst), len(s.More),
			len(factors))
	}
	all := s.Held
	for _, m := range s.More {
		if len(m.Data) != size || all.Has(int(m.Index)) {
			return nil, fmt.Errorf("symbol %d is held already, or not of %d bytes", m.Index, size)
		}
		all.Add(int(m.Index))
	}
	parity, err := c.parityOf(s.Block, k, size, all)
	if err != nil {
		return nil, err
	}
	differ := c.differences(s, k, size, parity, factors)
	points := locator(syndromes(s.More, differ, k, all), all)
	if points == nil {
		return nil, ErrNotLocated
	}
	for _, p := range points {
		wrong = append(wrong, protocol.SymbolIndex(p))
	}
	return wrong, c.without(s, k, size, parity, points, dst)
}

// parityOf computes the parity symbols of a block from the lowest to the highest that is in set.
func (c *Code) parityOf(block []byte, k, size int, set Set) (map[int][]byte, error) {
	first, last := 0, -1
	for x := k; x < protocol.MaxSymbols; x++ {
		if set.Has(x) {
			if last < 0 {
				first = x
			}
			last = x
		}
	}
	out := make(map[int][]byte, last-first+1)
	if last < 0 {
		return out, nil
	}
	rows := make([][]byte, last-first+1)
	room := make([]byte, len(rows)*size)
	for i := range rows {
		rows[i] = room[i*size : (i+1)*size]
		out[first+i] = rows[i]
	}
	return out, c.ParityRows(block, k, size, protocol.SymbolIndex(first), rows)
}

// symbolAt gives symbol x of a block, from its bytes or from the parity that was computed of it.
func symbolAt(block []byte, k, size, x int, parity map[int][]byte) []byte {
	if x >= k {
		return parity[x]
	}
	return block[x*size : (x+1)*size]
}

// differences folds, for each further symbol, how it differs from what the block would give.
func (c *Code) differences(s Suspect, k, size int, parity map[int][]byte, factors []byte) [][lanes]byte {
	out := make([][lanes]byte, len(s.More))
	buf := make([]byte, size)
	for i, m := range s.More {
		copy(buf, symbolAt(s.Block, k, size, int(m.Index), parity))
		c.kernel.GalMulSliceXor(1, m.Data, buf)
		for at := 0; at < size; at += lanes {
			chunk := buf[at:min(at+lanes, size)]
			c.kernel.GalMulSliceXor(max(factors[at/lanes], 1), chunk, out[i][:len(chunk)])
		}
	}
	return out
}

// syndromes gives the syndromes 0 … len(more)-1 of what was received. What the block was made of
// agrees with it, so only the further symbols count.
func syndromes(more []Symbol, differ [][lanes]byte, k int, all Set) [][lanes]byte {
	out := make([][lanes]byte, len(more))
	for i, m := range more {
		f := weight(byte(m.Index), k, all)
		for t := range out {
			for l, d := range differ[i] {
				out[t][l] ^= mul(f, d)
			}
			f = mul(f, byte(m.Index))
		}
	}
	return out
}

// weight is the factor of symbol x in the check equations of the symbols in set: one over its
// multiplier in the code and over the product of its distances to the others.
func weight(x byte, k int, set Set) byte {
	sum := 0
	for m := range protocol.MaxSymbols {
		if m == int(x) {
			continue
		}
		if m < k {
			sum += logs[x^byte(m)] // one over the multiplier
		}
		if set.Has(m) {
			sum += 255 - logs[x^byte(m)]
		}
	}
	return exps[sum%255]
}

// locator gives the indices of the wrong symbols: the roots, all in set, of the polynomial of least
// degree that the syndromes obey; nil if there is none.
func locator(syn [][lanes]byte, set Set) []byte {
	for degree := 1; degree <= len(syn)/2; degree++ {
		if p, ok := recurrence(syn, degree); ok {
			if roots := rootsIn(p, set); len(roots) == degree {
				return roots
			}
		}
	}
	return nil
}

// recurrence solves S[t+n] + Σ p[m]·S[t+m] = 0, m < n, for p, in all lanes at once; false if there is no
// solution or more than one.
func recurrence(syn [][lanes]byte, n int) (p []byte, ok bool) {
	var basis [MaxWrong][]byte // by the column of their first element that is not 0
	for l := range lanes {
		for t := 0; t+n < len(syn); t++ {
			eq := make([]byte, n+1)
			for m := range eq {
				eq[m] = syn[t+m][l]
			}
			if !reduce(eq, basis[:n]) {
				return nil, false
			}
		}
	}
	p = make([]byte, n)
	for col := n - 1; col >= 0; col-- {
		row := basis[col]
		if row == nil {
			return nil, false
		}
		v := row[n]
		for m := col + 1; m < n; m++ {
			v ^= mul(row[m], p[m])
		}
		p[col] = v
	}
	return p, true
}

// reduce takes an equation into the basis unless it follows from it; false if it contradicts it.
func reduce(eq []byte, basis [][]byte) bool {
	n := len(basis)
	for col := range n {
		if eq[col] == 0 {
			continue
		}
		if basis[col] == nil {
			f := inv(eq[col])
			for m := col; m <= n; m++ {
				eq[m] = mul(eq[m], f)
			}
			basis[col] = eq
			return true
		}
		f := eq[col]
		for m := col; m <= n; m++ {
			eq[m] ^= mul(f, basis[col][m])
		}
	}
	return eq[n] == 0
}

// rootsIn gives the elements of set at which z^n + p[n-1]·z^(n-1) + … + p[0] is 0.
func rootsIn(p []byte, set Set) (roots []byte) {
	for z := range protocol.MaxSymbols {
		if !set.Has(z) {
			continue
		}
		v := byte(1)
		for m := len(p) - 1; m >= 0; m-- {
			v = mul(v, byte(z)) ^ p[m]
		}
		if v == 0 {
			roots = append(roots, byte(z))
		}
	}
	return roots
}

// without rebuilds the block into dst from all symbols but the wrong ones.
func (c *Code) without(s Suspect, k, size int, parity map[int][]byte, wrong []byte, dst []byte) error {
	bad := Set{}
	for _, x := range wrong {
		bad.Add(int(x))
	}
	list := make([]Symbol, 0, k+len(s.More))
	for x := range protocol.MaxSymbols {
		if s.Held.Has(x) && !bad.Has(x) {
			list = append(list, Symbol{Index: protocol.SymbolIndex(x), Data: symbolAt(s.Block, k, size, x, parity)})
		}
	}
	for _, m := range s.More {
		if !bad.Has(int(m.Index)) {
			list = append(list, m)
		}
	}
	return c.Reconstruct(list, k, size, dst)
}
