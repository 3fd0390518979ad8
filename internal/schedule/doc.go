// Package schedule decides which open transfer goes when, to whom and which way: by a multicast
// session that several devices take part in, or over HTTPS to one. It is a machine without clock,
// I/O or locks, reached by methods only: what happened is told by calls that carry the time, what
// is to be done comes out of Pump as actions.
//
// A transfer that is open runs in every site where a device is owed it, each with a gather window,
// a phase and a session of its own. A group runs one session at a time in a site.
package schedule
