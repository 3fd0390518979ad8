package agent

import (
	"context"
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/wire"
)

// judge compares what the server said that it speaks with this program, and says it if they have
// nothing in common: once, until it is otherwise. The agent stays connected; a server that is
// replaced cuts the connection, and the next one is judged anew.
func (a *Agent) judge(server *groupcast.Speaks) {
	if server == nil {
		server = &groupcast.Speaks{} // the first release
	}
	own, why := a.cfg.Attach.Speaks, ""
	switch own.Judge(*server) {
	case groupcast.TooNew:
		why = fmt.Sprintf("the server is newer than this program: install %s here (this is %s)", server.Named(), own.Named())
	case groupcast.TooOld:
		why = fmt.Sprintf("the server is older than this program: it has to be %s, or install %s here", own.Named(), server.Named())
	}
	if why != "" && why != a.foreign {
		a.say(Line{Kind: "warning", Text: why + "; until then nothing can be received, and the server keeps what is owed"})
	}
	if a.foreign = why; why != "" {
		for _, j := range a.jobs {
			j.cancel() // what is received stays
		}
	}
}

// decline answers an offer of a server whose version does not fit.
func (a *Agent) decline(ctx context.Context, e groupcast.AgentEvent) {
	if e.Offer == nil {
		return
	}
	no := e.Offer.Transfer
	if offer, err := wire.ParseOffer(e.Offer.Offer); err == nil {
		no = offer.Transfer
	}
	if no != 0 {
		a.refuse(ctx, wire.Offer{Transfer: no}, "version", a.foreign)
	}
}
