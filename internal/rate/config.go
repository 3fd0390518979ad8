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
