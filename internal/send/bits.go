package send

import "math/bits"

func ones(m *[25]byte) int {
	n := 0
	for _, b := range m {
		n += bits.OnesCount8(b)
	}
	return n
}

// takeBit clears the lowest set bit and gives its place.
func takeBit(m *[25]byte) (int, bool) {
	for i, b := range m {
		if b != 0 {
			j := bits.TrailingZeros8(b)
			m[i] &^= 1 << j
			return i*8 + j, true
		}
	}
	return 0, false
}
