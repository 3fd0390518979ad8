// Package fec is the erasure code of blocks: parity on demand, and reconstruction from any k
// symbols (RFC 5052 words). The code is systematic Reed-Solomon over GF(2^8) with Cauchy rows:
// row i, column j is inv((k+i) XOR j), so a row does not depend on how many are sent, and fresh
// parity can be made for as long as k+i ≤ 255.
//
// The arithmetic is klauspost/reedsolomon's, SIMD included; the rows and the solver are ours.
// That library's own Reconstruct inverts a k×k matrix for every new pattern of losses; solving
// only for the e lost symbols is an e×e problem (docs/adr/0001-own-rows-and-solver.md).
//
// It holds no blocks and does no I/O. A Code is not safe for concurrent use: one a worker.
package fec
