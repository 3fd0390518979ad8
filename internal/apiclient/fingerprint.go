package apiclient

import (
	"context"
	"errors"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
)

// FetchFingerprint asks an address for the fingerprint it claims, for the first login: one
// handshake, no byte of HTTP, no login ID, no password. A human compares the answer with the
// server's screen before anything else is sent (security.md C2).
func FetchFingerprint(ctx context.Context, address string) (protocol.ServerID, error) {
	address, err := ParseAddress(address)
	if err != nil {
		return protocol.ServerID{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	id, err := pki.Discover(ctx, address)
	if err == nil || errors.Is(err, context.Canceled) {
		return id, err
	}
	var known *groupcast.Error
	if cause := errors.Unwrap(err); errors.As(err, &known) && cause != nil && isNetwork(cause) {
		return id, networkTrouble(cause, address).Wrap(cause)
	}
	if err != nil && Broken(err) {
		return id, groupcast.Errorf(groupcast.EUnavailable, "what answers at %s ends the connection without a word", address).
			WithHint("it may be no groupcast server, or let in no more of this machine now; %s", anotherDoor(address)).Wrap(err)
	}
	return id, err
}
