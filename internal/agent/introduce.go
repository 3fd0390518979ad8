package agent

import (
	"context"

	"github.com/groupcast/groupcast"
)

// introduction is what the server is told at attaching: with it goes the newest offer that this
// device was given, by which a server whose home was set back learns that it was (security.md O4).
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
