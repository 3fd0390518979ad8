// Package recv is the receiving half of a session as a state machine without I/O: which
// symbols are kept, which blocks are ready to be decoded, what is asked for and when, what
// is reported. It owns the bounded pool of partly received blocks and copies symbols into it.
// It opens no packets, decodes nothing and writes nothing; package receiver drives it.
//
// After any Handle, Set or Stored call drain NextEvent, then NextFeedback, then arm a timer
// for NextTimeout. now never goes backwards. A Receiver is not safe for concurrent use.
package recv
