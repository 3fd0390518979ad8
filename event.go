package groupcast

import (
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// EventKind says what changed. Events are hints: a client that misses some reads the state again.
type EventKind string

// The kinds of events.
const (
	EventHello    EventKind = "hello" // first of a stream: the version to read the state at
	EventUser     EventKind = "user"
	EventDevice   EventKind = "device"
	EventGroup    EventKind = "group"
	EventMember   EventKind = "member"
	EventRequest  EventKind = "request"
	EventTransfer EventKind = "transfer"
	EventDelivery EventKind = "delivery"
	EventProgress EventKind = "progress" // of a running transfer, at most 4 a second
)

// Event is one change, as the event stream has it.
type Event struct {
	Version  uint64              `json:"version"` // grows by one with each event
	Kind     EventKind           `json:"kind"`
	At       time.Time           `json:"at"`
	Group    string              `json:"group,omitempty"`
	User     string              `json:"user,omitempty"`
	Transfer protocol.TransferNo `json:"transfer,omitempty"`
	Released bool                `json:"-"` // the transfer that it is about is not held: members may see the event
	Text     string              `json:"text,omitempty"`
	Data     any                 `json:"data,omitempty"` // of EventProgress: a Transfer
}
