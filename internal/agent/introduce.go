package agent

import (
	"context"

	"github.com/groupcast/groupcast"
)

// introduction is what the agent reports when it attaches, with the newest offer that this device was
// given: by it a server in an earlier state finds out that it is (security.md O4).
func (a *Agent) introduction(ctx context.Context) groupcast.Attach {
	say := a.cfg.Attach
	offer, signature, err := a.cfg.Ledger.NewestOffer(ctx, a.cfg.Server)
	if err != nil {
		a.cfg.Log.Warn("the newest offer was not read: the server is not shown it", "err", err)
		return say
	}
	say.Newest, say.NewestSignature = offer, signature
	return say
}
