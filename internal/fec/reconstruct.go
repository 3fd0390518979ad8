package fec

import (
	"errors"
	"fmt"

	"github.com/groupcast/groupcast/internal/protocol"
)

// ErrTooFew says that fewer than k different symbols were given.
var ErrTooFew = errors.New("fewer symbols than the block needs")

// Reconstruct rebuilds block (its length says the block's) from any k different symbols.
// More than k symbols are allowed; source symbols are preferred. Symbols may be stored in
// block: source symbols in their own places, parity in the places of missing ones.
//
// Only the e missing symbols are solved for: the parity of what is present, added to the
// parity received, leaves e equations in e unknowns, and their matrix is a Cauchy matrix again.
func (c *Code) Reconstruct(symbols []Symbol, k, size int, block []byte) error {
	if err := checkGeometry(len(block), k, size); err != nil {
		return err
	}
	if err := c.sort(symbols, size); err != nil {
		return err
	}
	defer clear(c.got[:])
	var lost, used [protocol.MaxSymbols]byte
	e := 0
	for j := range k {
		if c.got[j] == nil {
			lost[e] = byte(j)
			e++
		} else if &block[j*size] != &c.got[j][0] {
			copy(block[j*size:], c.got[j])
		}
	}
	if e == 0 {
		return nil
	}
	n := 0
	for x := k; x < protocol.MaxSymbols && n < e; x++ {
		if c.got[x] != nil {
			used[n] = byte(x)
			n++
		}
	}
	if n < e {
		return fmt.Errorf("%w: %d of %d source symbols are missing, %d parity symbols are there", ErrTooFew, e, k, n)
	}
	if err := c.syndromes(used[:e], k, size); err != nil {
		return err
	}
	c.solve(used[:e], lost[:e], size, block)
	return nil
}

// sort puts each symbol at its index.
func (c *Code) sort(symbols []Symbol, size int) error {
	for _, s := range symbols {
		if len(s.Data) != size {
			clear(c.got[:])
			return fmt.Errorf("symbol %d has %d bytes, not %d", s.Index, len(s.Data), size)
		}
		c.got[s.Index] = s.Data
	}
	return nil
}

// maxGaps is how many rows that did not come are encoded along with e that did. Rows without gaps
// have an encoder in the cache; one for just these rows would mostly be new, which costs more
// than a few rows too many.
func maxGaps(e int) int { return 1 + e/2 }

// syndromes computes, for each parity row used, the parity of the present source symbols
// plus the parity received: what the missing symbols contribute to that row.
func (c *Code) syndromes(used []byte, k, size int) error {
	c.zeros = grown(c.zeros, size)
	shards := c.shards[:0]
	for j := range k {
		if c.got[j] == nil {
			shards = append(shards, c.zeros)
		} else {
			shards = append(shards, c.got[j])
		}
	}
	first, last := int(used[0]), int(used[len(used)-1])
	gaps := last-first+1 <= len(used)+maxGaps(len(used))
	c.room = grown(c.room, (len(used)+maxGaps(len(used)))*size)
	want, room, sums := rows{k: k}, c.room, c.sums[:0]
	for x := first; x <= last; x++ {
		if c.got[x] == nil && !gaps {
			continue
		}
		want.add(x)
		shards = append(shards, room[:size])
		if c.got[x] != nil {
			sums = append(sums, room[:size])
		}
		room = room[size:]
	}
	c.shards, c.sums = shards, sums
	if err := c.encode(want); err != nil {
		return err
	}
	for i, x := range used {
		c.kernel.GalMulSliceXor(1, c.got[x], sums[i])
	}
	return nil
}

// solve multiplies the syndromes with the inverse Cauchy matrix, each missing symbol into
// its place in the block.
func (c *Code) solve(used, lost []byte, size int, block []byte) {
	e := len(lost)
	var a, b [protocol.MaxSymbols]byte
	factors(used, lost, a[:e], b[:e])
	for i, y := range lost {
		out := block[int(y)*size:]
		short := len(out) < size
		if short {
			c.last = grown(c.last, size)
			out = c.last
		}
		out = out[:size]
		for r, x := range used {
			f := mul(mul(a[r], b[i]), inv(x^y))
			if r == 0 {
				c.kernel.GalMulSlice(f, c.sums[r], out)
			} else {
				c.kernel.GalMulSliceXor(f, c.sums[r], out)
			}
		}
		if short {
			copy(block[int(y)*size:], out)
		}
	}
}
