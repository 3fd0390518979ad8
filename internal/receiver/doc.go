// Package receiver drives recv.Receiver: it joins the state machine to sockets, keys, decoding
// workers and a store of verified blocks. It is where that machine meets the clock.
//
// An agent opens one Endpoint, which owns its multicast sockets, and a Receiver for each session.
// The package knows nothing of accounts, groups or deliveries, and it decides nothing that the
// machine could decide. The server's side is package sender; neither imports the other.
package receiver
