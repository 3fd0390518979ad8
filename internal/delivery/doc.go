// Package delivery carries out what package schedule decides: it offers transfers, runs their
// sessions, serves what is fetched over HTTPS, takes receipts, and keeps the store and the screens
// in step with all of it.
//
// An Engine is told of deeds, each by one method that owns its whole order: what is written to the
// store, what the schedule hears, what is stopped, who is told. Add, Cancel, Retry, Release, Act,
// DropMember and GroupGone are about a transfer; Owe and Exclude about devices that may have it or
// no longer may; Attached, HandOut, Report, KeepEntries, Receipt, Manifest, Blocks and Left are what
// a device does; Resume, Run, Pause, Halt, Confirmed and Sweep concern all transfers. Transfer,
// Transfers, Deliveries, Pending, Explain, Entries, Series and LossMap say how things stand.
//
// It asks nobody for permission and writes no audit log: package server does, before and after. It
// reaches the world only through what Config names.
//
// One lock guards the schedule and what is known of sessions. It is held for moments, never while
// the store, a session, a stream or a file is asked: each deed writes to the store first, so that
// what a device or a screen is told is kept already.
package delivery
