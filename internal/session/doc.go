// Package session drives the pure machines of packages send and recv: it joins them to
// sockets, keys, workers and disk. It is the only place where a machine meets the clock.
//
// A server opens one Station (links, feedback socket, shares of the interface) and a Sender
// for each session; an agent opens one Intake (its multicast sockets) and a Receiver for
// each session. It knows nothing of accounts, groups or deliveries, and it decides nothing
// that a machine could decide.
package session
