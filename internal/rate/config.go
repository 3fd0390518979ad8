package rate

// Config bounds a session's rate. All rates count whole frames: payload, our headers, UDP,
// IP and Ethernet.
type Config struct {
	Fixed uint64 // bytes a second; 0: auto
	Cap   uint64 // bytes a second that auto never passes; 0: none
	Start uint64 // bytes a second that auto begins with; 0: DefaultStart
}

// Rates in bytes a second.
const (
	DefaultStart = 100e6 / 8
	MinRate      = 500e3 / 8
	MaxRate      = 40e9 / 8
)

// Limiter names, in words, what holds the rate where it is.
type Limiter string

// The limiters.
const (
	LimitStart     Limiter = "start"        // auto is still finding out
	LimitCap       Limiter = "cap"          // --rate or --max-rate
	LimitWire      Limiter = "wire"         // queueing delay or shared loss grew with the rate
	LimitLoss      Limiter = "network loss" // receivers lose more than they did at a lower rate
	LimitReceivers Limiter = "receivers"    // hosts drop or fall behind
	LimitSender    Limiter = "sender"       // this machine's own send queue or processor
)
