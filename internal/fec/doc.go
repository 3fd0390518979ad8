// Package fec is the erasure code of blocks: parity on demand, and a block rebuilt from any k
// of its symbols (words of RFC 5052). The code is systematic Reed-Solomon over GF(2^8) with
// Cauchy rows: the symbol with index x ≥ k has the coefficient inv(x XOR j) for source symbol
// j, so a row does not depend on how many are sent, and fresh parity can be made up to index
// 255 (docs/protocol.md §2).
//
// The arithmetic is klauspost/reedsolomon's, SIMD included; the rows and the solver are ours:
// that library's own decoder inverts a k×k matrix for every new pattern of losses, while only
// the e lost symbols have to be solved for. It holds no blocks and does no I/O.
package fec
