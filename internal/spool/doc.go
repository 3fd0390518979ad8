// Package spool is the receiver's disk: it stages the blocks of a transfer as they come,
// remembers in a journal which it holds, and commits each file under its final name once all
// its blocks are verified and durable (docs/architecture.md). It never replaces what was not
// delivered as it lies there, and never deletes by order of the server. It knows no network.
package spool
