// Package delivery carries out what package schedule decides: it offers transfers, runs their
// sessions, serves what is fetched over HTTPS, takes receipts, and updates the store and the event
// streams.
//
// Each action is one method of Engine that does all of it in the right order: what is written to the
// store, what the schedule is called with, what is stopped, which clients get an event. Add, Cancel,
// Retry, Release, Act, DropMember and GroupGone are about a transfer; Owe and Exclude about devices that
// may have it or no longer may; Attached, HandOut, Report, KeepEntries, Receipt, Manifest, Blocks and Left are what
// a device does; Resume, Run, Pause, Halt, Confirmed and Sweep concern all transfers. Transfer,
// Transfers, Deliveries, Pending, Explain, Entries, Series and LossMap return the state.
//
// It checks no permissions and writes no audit log: package server does, before and after. It uses only
// what Config has.
//
// One lock guards the schedule and what is known of sessions. It is held for moments, never during calls
// of the store, a session, a stream or a file. Each action writes to the store first, so that what a
// device or a client learns is stored already; only what the schedule may refuse (PutOff, CatchUp) is
// asked of it before. A second lock orders these writes with the schedule (owing.go).
package delivery
