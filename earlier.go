package groupcast

import "github.com/groupcast/groupcast/internal/protocol"

// EarlierFormat says why a device keeps transfers to its groups in the format of the earlier release, in which files
// are read whole before they are sent, and whole again each time.
type EarlierFormat string

// The reasons.
const (
	EarlierOld    EarlierFormat = "old"    // its receiver speaks no other
	EarlierUnseen EarlierFormat = "unseen" // its receiver was never connected: it is not known
)

// EarlierOf says it of a device whose receiver spoke this version of the wire last; 0: none did.
func EarlierOf(wire int) EarlierFormat {
	switch {
	case wire == 0:
		return EarlierUnseen
	case wire < protocol.PagedVersion:
		return EarlierOld
	}
	return ""
}
