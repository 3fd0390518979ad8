// Package loop decides what the agent of a device does next: when it reads the state of its groups,
// which offers it works on, what it reports to the server, when a receipt is sent and when a transfer
// that failed is tried again. It is a state machine without clock, network or disk, used by methods only:
// each event is a call with the time, and Take returns the actions to carry out. Package agent carries
// them out. Results of the network come back as later events, so no decision waits for an answer.
package loop
