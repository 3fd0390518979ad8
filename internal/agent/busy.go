package agent

import (
	"context"
	"fmt"
	"io"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
)

// busy says that a server has no place for a download now: it is to be asked again, however
// often, and nothing failed.
func busy(err error) bool {
	switch groupcast.ErrorCode(err) {
	case groupcast.EBusy, groupcast.EExhausted:
		return true
	}
	return false
}

// inTurn requests a download until the server has a place for it, and reports why the delivery waits.
func (t *transfer) inTurn(ctx context.Context, ask func() (io.ReadCloser, error)) (io.ReadCloser, error) {
	return untilServed(ctx, ask, func(err error) {
		t.agent.cfg.Log.Info("waiting for a turn to download", "transfer", t.offer.Transfer, "err", err)
		t.report(ctx, fmt.Sprintf("waits for its turn to download: %v", err))
	})
}

// untilServed repeats a request after longer and longer pauses. The first refusal is reported.
func untilServed(ctx context.Context, ask func() (io.ReadCloser, error), tell func(error)) (io.ReadCloser, error) {
	var pause apiclient.Backoff
	for told := false; ; told = true {
		body, err := ask()
		if err == nil || !busy(err) {
			return body, err
		}
		if !told {
			tell(err)
		}
		if err := pause.Wait(ctx); err != nil {
			return nil, err
		}
	}
}
