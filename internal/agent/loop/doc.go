// Package loop decides what the agent of a device does next: when it reads the state of its groups,
// which offers it works on, what it tells the server, when a receipt is sent and when a transfer that
// failed is tried again. It is a machine without clock, network or disk, reached by methods only: each
// event is told by a call that carries the time, and what is to be done comes out of Take as actions.
// Package agent carries them out. What it does over the network comes back as a later event, so no
// decision waits for an answer.
package loop
