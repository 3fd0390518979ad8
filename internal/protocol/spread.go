package protocol

import "time"

// What a large group may ask of the server at once (docs/protocol.md §10).
const (
	// PromptGroup is how many devices answer at once: what they say fits into a moment.
	PromptGroup = 64
	// RequestsPerSecond is how many devices of a larger group call the server over HTTPS in a
	// second, on average, when all have the same to say: to take part, or that they are done.
	// The server writes a durable row for each, a millisecond of its disk or more, and at about
	// 1 KB each they are 1 MB a second, a twelfth of a 100 Mbit/s wire.
	RequestsPerSecond = 1000
	maxSpread         = 20 * time.Second // below what the server waits for an answer
)

// Spread is the time over which the devices of a group call the server, each at a random
// moment of it. Groups up to PromptGroup do not wait.
func Spread(devices int) time.Duration {
	if devices <= PromptGroup {
		return 0
	}
	return min(time.Duration(devices-PromptGroup)*time.Second/RequestsPerSecond, maxSpread)
}
