package agent

import (
	"context"

	"github.com/groupcast/groupcast/internal/seal"
)

// wake shows the server that this device has its key: a token that was not used for long is not
// believed without. It says whether the token is good again.
func (a *Agent) wake(ctx context.Context) bool {
	err := a.cfg.Client.Wake(ctx, func(nonce []byte) []byte {
		return seal.SignProof(a.cfg.Key, seal.Proof{Server: a.cfg.Server, Nonce: nonce})
	})
	if err != nil {
		a.cfg.Log.Debug("the login is not renewed", "err", err)
		return false
	}
	a.say(Line{Kind: "connected", Text: "the login of this machine was not used for long: it is renewed"})
	return true
}
