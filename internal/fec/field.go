package fec

// GF(2^8) with the polynomial x^8+x^4+x^3+x^2+1 (0x11D), as in the SIMD kernels.
const polynomial = 0x11D

var (
	logs [256]int
	exps [512]byte // twice, so that a sum of two logs needs no reduction
)

var _ = fillTables()

func fillTables() bool {
	x := 1
	for i := range 255 {
		exps[i], exps[i+255] = byte(x), byte(x)
		logs[x] = i
		if x <<= 1; x > 255 {
			x ^= polynomial
		}
	}
	return true
}

// inverse of x, which is not 0.
func inverse(x byte) byte { return exps[255-logs[x]] }

// cauchyRow fills row with the coefficients of symbol index over k source symbols.
func cauchyRow(row []byte, index int) {
	for j := range row {
		row[j] = inverse(byte(index ^ j))
	}
}

// cauchyInverse inverts the matrix A[r][c] = inv(x[r] XOR y[c]) in closed form, e² steps after
// the products: with sums and products of GF(2^8),
//
//	A⁻¹[c][r] = ∏ₖ(x[r]+y[k]) ∏ₖ(x[k]+y[c]) / ((x[r]+y[c]) ∏ₖ≠ᵣ(x[r]+x[k]) ∏ₖ≠c(y[c]+y[k])).
//
// The x are distinct, the y are distinct, and no x is a y.
func cauchyInverse(x, y []byte) [][]byte {
	ofX, ofY := cauchyProducts(x, y), cauchyProducts(y, x)
	flat := make([]byte, len(x)*len(x))
	out := make([][]byte, len(x))
	for c := range y {
		out[c] = flat[c*len(x) : (c+1)*len(x)]
		for r := range x {
			log := ofX[r] + ofY[c] + 255 - logs[x[r]^y[c]]
			out[c][r] = exps[log%255]
		}
	}
	return out
}

// cauchyProducts gives for each a the log of ∏(a+b) over all b, divided by ∏(a+a') over the
// other a'.
func cauchyProducts(as, bs []byte) []int {
	out := make([]int, len(as))
	for i, a := range as {
		log := 0
		for _, b := range bs {
			log += logs[a^b]
		}
		for j, other := range as {
			if j != i {
				log += 255 - logs[a^other]
			}
		}
		out[i] = log % 255
	}
	return out
}
