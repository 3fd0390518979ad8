package apiclient

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"time"

	"github.com/groupcast/groupcast"
)

// A call that creates something has an idempotency key of its own. If its answer is lost it is sent again with the
// key, so that nothing is created twice, unless the server is one that does not remember keys.

const (
	lostTries = 8               // of a call whose answers are lost: for half a minute
	inFlight  = time.Second     // between questions after a call that the server still works on
	meTimeout = 5 * time.Second // to ask whether the server remembers keys
)

// once gives a call a key.
func (k call) once() call {
	k.key, k.loss = rand.Text(), new(loss)
	return k
}

// createOnce makes a call with a key, and makes it again while its answer is lost.
func (c *Client) createOnce(ctx context.Context, k call, out any) error {
	pause := firstPause
	for tries := 1; ; {
		*k.loss = gotAnswer
		_, err := c.once(ctx, k, out)
		switch {
		case err == nil || ctx.Err() != nil:
			return err
		case tries > 1 && groupcast.ErrorCode(err) == groupcast.EInFlight:
			if sleep(ctx, inFlight) != nil {
				return err
			}
			continue
		case *k.loss == gotAnswer, tries == lostTries:
			return err
		case tries == 1 && (*k.loss == notSent || !c.remembersKeys(ctx)):
			return err
		}
		tries++
		if sleep(ctx, pause) != nil {
			return err
		}
		pause = min(2*pause, maxPause)
	}
}

// remembersKeys asks the server whether it does.
func (c *Client) remembersKeys(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, meTimeout)
	defer cancel()
	me, err := c.Me(ctx)
	return err == nil && me.IdempotencyHours > 0
}

// loss says whether a call got an answer.
type loss int

const (
	gotAnswer  loss = iota
	notSent         // no connection was made
	answerLost      // it was sent, or a part of it, and no answer came whole
)

// noteLost notes that no answer came.
func (k call) noteLost(err error) {
	if k.loss == nil {
		return
	}
	*k.loss = answerLost
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		*k.loss = notSent
	}
}
