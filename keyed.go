package groupcast

import "time"

// KeyedCall is a call that creates something and came with an idempotency key, as the server keeps it. Nothing of it
// is secret: the key is a hash, and whoever reads Request cannot find out the request without the key.
type KeyedCall struct {
	Account string    // who called: the ID of a user, or "local"
	Key     string    // SHA-256 of the key, in hex
	Request string    // HMAC-SHA-256 of the request under the key, in hex
	At      time.Time // when it began
	Answer  []byte    // as JSON; nil: it is not known what became of it
}
