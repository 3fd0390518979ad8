// Package sender drives send.Sender: it joins the state machine to sockets, keys, a source of
// blocks and the goroutines that read and write. It is where that machine meets the clock.
//
// A server opens one Endpoint, which owns the multicast links, the feedback socket and the shares
// of each interface, and a Sender for each session. The package knows nothing of accounts, groups
// or deliveries, and it decides nothing that the machine could decide. The receivers' side is
// package receiver; neither imports the other.
package sender
