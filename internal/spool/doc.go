// Package spool is the receiver's disk: it stages the blocks of a transfer as they come,
// remembers in a journal which it holds, and commits each file under its final name once all
// its blocks are verified and durable (docs/architecture.md). It never replaces or removes
// what was not delivered as it lies there, and decides that by a comparison that came to its end
// (docs/adr/0010-owned-by-content.md). An error of one entry is that entry's outcome; only the
// disk's own (DiskError) ends the work. It knows no network.
package spool
