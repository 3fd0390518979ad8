// Package keyed does a call once for an idempotency key. The first request with a key is carried out to its end, also
// if the caller is gone; later ones of the same account with the same body hear its answer. So a caller whose answer
// was lost can send the request again.
package keyed

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/problems"
)

// Store keeps calls with a key (store.KeyedCalls).
type Store interface {
	BeginCall(ctx context.Context, c groupcast.KeyedCall, since time.Time) (groupcast.KeyedCall, bool, error)
	AnswerCall(ctx context.Context, c groupcast.KeyedCall) error
	DropCall(ctx context.Context, c groupcast.KeyedCall) error
}

// Bounds of keys and answers.
const (
	Hours     = 24 // how long a key is remembered
	MinKey    = 8  // characters of a key
	MaxKey    = 255
	maxAnswer = 64 << 10 // an answer that is larger is not kept
)

// Calls are the calls with a key of one server.
type Calls struct {
	store   Store
	closing <-chan struct{}
	log     *slog.Logger
	running running
}

// New remembers calls in a store; nil without one. What is worked on ends when closing is closed.
func New(s Store, closing <-chan struct{}, log *slog.Logger) *Calls {
	if s == nil {
		return nil
	}
	return &Calls{store: s, closing: closing, log: log}
}

// Good says whether something can be a key.
func Good(key string) bool {
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return false
		}
	}
	return len(key) >= MinKey && len(key) <= MaxKey
}

// Call is what is kept of a request: nobody can guess its body (a password may be in it) without the key, of
// which there is only a hash.
func Call(p groupcast.Principal, key, id string, url fmt.Stringer, body []byte) groupcast.KeyedCall {
	account := p.User.ID
	if p.Local {
		account = "local"
	}
	hash := sha256.Sum256([]byte(key))
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "%s\n%s\n", id, url)
	mac.Write(body)
	return groupcast.KeyedCall{
		Account: account, Key: hex.EncodeToString(hash[:]), Request: hex.EncodeToString(mac.Sum(nil)), At: time.Now(),
	}
}

// Once does the work of a call with a key, or gives the answer that the first call with the key had.
func Once[O any](
	ctx context.Context, k *Calls, c groupcast.KeyedCall, work func(context.Context) (O, error), short func(O) O,
) (out O, replayed bool, err error) {
	leave, ok := k.running.enter(c)
	if !ok {
		return out, false, groupcast.Errorf(groupcast.EInFlight, "the first request with this Idempotency-Key still runs").
			WithHint("send the same request again in a few seconds")
	}
	defer leave()
	before, begun, err := k.store.BeginCall(ctx, c, c.At.Add(-Hours*time.Hour))
	switch {
	case err != nil:
		return out, false, err
	case begun:
	case before.Request != c.Request:
		return out, false, groupcast.Errorf(groupcast.EKeyReused, "this Idempotency-Key was sent with another request").
			WithHint("use a new key for each thing that you create")
	case before.Answer == nil:
		return out, false, groupcast.Errorf(groupcast.EInterrupted,
			"the first request with this Idempotency-Key broke off, and it is not known whether it was carried out").
			WithHint("look whether it was, and if not, send it with a new key")
	default:
		return out, true, json.Unmarshal(before.Answer, &out)
	}
	ctx, done := k.untilClosing(ctx)
	defer done()
	out, err = work(ctx)
	kept := out
	if short != nil {
		kept = short(out)
	}
	k.remember(context.WithoutCancel(ctx), c, kept, err)
	return out, false, err
}

// untilClosing is a context that outlives the caller and ends with the server.
func (k *Calls) untilClosing(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	over := make(chan struct{})
	go func() {
		select {
		case <-k.closing:
			cancel()
		case <-over:
		}
	}()
	return ctx, func() {
		close(over)
		cancel()
	}
}

// remember keeps the answer of a call. A refusal is not kept: nothing was done. After any other error it is not known
// what was done, and that stays so.
func (k *Calls) remember(ctx context.Context, c groupcast.KeyedCall, out any, failed error) {
	var err error
	switch {
	case failed == nil:
		if c.Answer, err = json.Marshal(out); err == nil && len(c.Answer) > maxAnswer {
			err = fmt.Errorf("the answer has %d bytes", len(c.Answer))
		}
		if err == nil {
			err = k.store.AnswerCall(ctx, c)
		}
	case problems.Of(groupcast.ErrorCode(failed)).Status < 500:
		err = k.store.DropCall(ctx, c)
	}
	if err != nil {
		k.log.LogAttrs(ctx, slog.LevelWarn, "the answer of a request with an idempotency key is not kept",
			slog.String("error", err.Error()))
	}
}

// running are the calls with a key that are worked on. There are as many as turns allows at most.
type running struct {
	mu    sync.Mutex
	calls map[[2]string]bool
}

func (r *running) enter(c groupcast.KeyedCall) (leave func(), ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := [2]string{c.Account, c.Key}
	if r.calls[name] {
		return nil, false
	}
	if r.calls == nil {
		r.calls = map[[2]string]bool{}
	}
	r.calls[name] = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.calls, name)
	}, true
}
