// Package send is the sending half of a session as a state machine without I/O: what goes
// out next, which repair is owed, how fast, which devices are done and which are left behind. It holds no
// keys, reads no clock and starts nothing; package sender drives it.
//
// After any call that changes something (Attach, Detach, Complete, HandleFeedback,
// HandleTimeout) drain NextEvent; then send NextSync and NextTrain until both say no; then
// arm a timer for NextTimeout. now never goes backwards. A Sender is not safe for
// concurrent use.
package send
