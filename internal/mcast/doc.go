// Package mcast holds the UDP sockets of the data plane: Link sends trains of packets to
// groups on one interface, Listener hears groups on one port, Feedback carries reports. It
// knows addresses, interfaces and kernel features; it does not look into packets.
package mcast
