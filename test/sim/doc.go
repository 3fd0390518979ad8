// Package sim runs the server's schedule, the agents' loop and the whole data plane in virtual time from
// one seed: the machines of schedule, agent/loop, send and recv, real seals, parity, manifests and spools
// over simulated disks. What carries their actions out is thin, and like delivery and agent in what
// matters: a book of what the server keeps, event streams and calls that break, stall and get lost, a
// network for packets that loses, reorders, repeats and parts. Devices come late, crash with their disks,
// lie, forge, fill up and are removed; the server crashes too, transfers are held, cancelled, sent again
// and planned anew. Oracles watch from outside what must never happen.
//
// The machines of format 2 run in a smaller world of their own, the files full_*_test.go.
//
// Leases of sites have a world of their own as well: the files sites_*_test.go.
//
// It has drivers of its own, single-threaded, so that the same seed gives the same run; it is
// not about sockets, HTTP or the database.
package sim
