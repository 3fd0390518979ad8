package fec

// polynomial defines GF(2^8); 2 generates its multiplicative group. It is the one that the
// kernels of klauspost/reedsolomon are made for.
const polynomial = 0x11D

var (
	exps [510]byte // twice the 255 powers of 2, so that a sum of two logarithms needs no modulus
	logs [256]int
)

var _ = fillTables()

func fillTables() bool {
	x := 1
	for i := range 255 {
		exps[i], exps[i+255] = byte(x), byte(x)
		logs[x] = i
		if x <<= 1; x >= 256 {
			x ^= polynomial
		}
	}
	return true
}

func mul(a, b byte) byte {
	if a == 0 || b == 0 {
		return 0
	}
	return exps[logs[a]+logs[b]]
}

// inv is 1/a; a is not 0.
func inv(a byte) byte { return exps[255-logs[a]] }

// row is the Cauchy row of the parity symbol with index x for k source symbols: 1/(x+j).
// x ≥ k > j, so the sum is never 0.
func row(x byte, k int) []byte {
	out := make([]byte, k)
	for j := range out {
		out[j] = inv(x ^ byte(j))
	}
	return out
}

// factors are the two diagonals of the inverse of the Cauchy matrix 1/(x_r+y_c): its element
// (c, r) is b_c·a_r/(x_r+y_c). They cost O(e²) where Gauss would cost O(e³).
func factors(x, y []byte, a, b []byte) {
	for i := range x {
		a[i] = mul(product(x[i], y, -1), inv(product(x[i], x, i)))
		b[i] = mul(product(y[i], x, -1), inv(product(y[i], y, i)))
	}
}

// product multiplies (v+w) for every w of set but the one at skip; none of them is 0.
func product(v byte, set []byte, skip int) byte {
	sum := 0
	for i, w := range set {
		if i != skip {
			sum += logs[v^w]
		}
	}
	return exps[sum%255]
}
