// Package rate decides how fast a session sends: a Pacer that turns a rate into moments at
// which a train of packets may leave, and a Controller that finds the rate from what the
// receivers report. Both are pure: time comes in as an argument. It sends nothing itself
// and knows no packet formats.
package rate
