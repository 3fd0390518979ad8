// Package schedule decides when each open transfer is sent, to which devices and how: by a multicast
// session of several devices, or over HTTPS to one. It is a state machine without clock, I/O or locks,
// used by methods only: events are calls with the time, and Pump returns the actions to carry out.
//
// A transfer that is open runs in every site where a device is owed it, each with a gather window,
// a phase and a session of its own. A group runs one session at a time in a site.
package schedule
