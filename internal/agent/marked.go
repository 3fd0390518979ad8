package agent

import (
	"context"
	"errors"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/receiver"
)

// clock asks the server for the clock of the session, whose packets have MACs.
func (t *paged) clock(ctx context.Context) (time.Duration, error) {
	micros, err := t.agent.cfg.Client.SessionClock(ctx, t.offer.Session)
	if err != nil {
		return 0, err
	}
	if micros > format2.MaxLifeSeconds*1_000_000 {
		return 0, errors.New("the session's clock says more than a session can last")
	}
	return time.Duration(micros) * time.Microsecond, nil
}

// orByHTTPS goes on over HTTPS if the server is too far away for a session whose packets have MACs.
func (t *paged) orByHTTPS(ctx context.Context, err error) error {
	if !errors.Is(err, receiver.ErrTooFar) {
		return err
	}
	if _, err := t.ready(ctx, groupcast.Ready{
		Transfer: t.transfer.offer.Transfer, Session: t.transfer.offer.Session,
		Refused: err.Error(), Kind: groupcast.RefusedClock,
	}); err != nil {
		return err
	}
	t.path = groupcast.PathHTTPS
	if err := t.stageNow(ctx); err != nil {
		return err
	}
	return t.catchUp(ctx)
}
