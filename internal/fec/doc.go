// Package fec makes parity symbols of a block on demand and rebuilds a block from any k of
// its symbols: Reed-Solomon with Cauchy rows over GF(2^8) (docs/protocol.md §2). It keeps no
// state but caches, does no I/O and knows nothing of packets.
package fec
