// Package sim runs the whole data plane in virtual time from one seed: the machines of send
// and recv, real seals, parity, manifests and spools over simulated disks, joined by a
// network that loses, reorders, repeats and parts, under a small model of the server's
// control plane. Devices come late, crash with their disks, lie, forge, fill up and are
// removed; the server crashes too, offers come late, and files change at the server while they
// are sent. Oracles watch from outside what must never happen.
//
// It has drivers of its own, single-threaded, so that the same seed gives the same run; it is
// not about sockets, HTTP or the database.
package sim
