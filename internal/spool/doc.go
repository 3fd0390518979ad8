// Package spool is the receiver's disk: it stages the blocks of a transfer as they come,
// records in a journal which it has, and commits each file under its final name once all its
// blocks are verified and durable (docs/architecture.md). It never replaces or removes a file that
// groupcast did not deliver as it is, and decides that by a completed comparison
// (docs/adr/0010-owned-by-content.md). An error of one entry is that entry's outcome; only an error
// of the disk (DiskError) ends the work. The package does not use the network.
package spool
