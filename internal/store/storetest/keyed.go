package storetest

import (
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/store"
)

func keyedCalls(w *world) {
	day := 24 * time.Hour
	c := groupcast.KeyedCall{Account: "u1", Key: "k1", Request: "r1", At: w.tick()}
	_, begun, err := w.s.BeginCall(w.ctx, c, w.now.Add(-day))
	w.ok(err)
	equal(w, "the first begins", begun, true)
	before, begun, err := w.s.BeginCall(w.ctx, c, w.now.Add(-day))
	w.ok(err)
	equal(w, "the second does not", begun, false)
	equal(w, "what is known", fmt.Sprint(before), fmt.Sprint(c))

	for _, other := range []groupcast.KeyedCall{
		{Account: "u2", Key: "k1", Request: "r2", At: w.tick()}, {Account: "u1", Key: "k2", Request: "r1", At: w.tick()},
	} {
		_, begun, err := w.s.BeginCall(w.ctx, other, w.now.Add(-day))
		w.ok(err)
		equal(w, "another account or key", begun, true)
	}
	c.Answer = []byte(`{"id":7}`)
	w.ok(w.s.AnswerCall(w.ctx, c))
	before, _, err = w.s.BeginCall(w.ctx, groupcast.KeyedCall{Account: "u1", Key: "k1", At: w.tick()}, w.now.Add(-day))
	w.ok(err)
	equal(w, "the answer", fmt.Sprint(before), fmt.Sprint(c))

	w.ok(w.s.DropCall(w.ctx, c))
	_, begun, err = w.s.BeginCall(w.ctx, c, w.now.Add(-day))
	w.ok(err)
	equal(w, "dropped, so it begins", begun, true)
	w.now = w.now.Add(2 * day)
	c.At = w.now
	_, begun, err = w.s.BeginCall(w.ctx, c, w.now.Add(-day))
	w.ok(err)
	equal(w, "old, so it begins", begun, true)
}

func keyedCallsBounded(w *world) {
	call := func(n int) groupcast.KeyedCall {
		return groupcast.KeyedCall{Account: "u1", Key: fmt.Sprintf("k%d", n), Request: "r", At: w.tick()}
	}
	other := groupcast.KeyedCall{Account: "u2", Key: "k0", Request: "r", At: w.tick()}
	_, _, err := w.s.BeginCall(w.ctx, other, time.Time{})
	w.ok(err)
	for n := range store.MaxKeyedCalls + 1 {
		_, begun, err := w.s.BeginCall(w.ctx, call(n), time.Time{})
		w.ok(err)
		equal(w, "begun", begun, true)
	}
	_, begun, err := w.s.BeginCall(w.ctx, call(1), time.Time{})
	w.ok(err)
	equal(w, "the second is remembered", begun, false)
	_, begun, err = w.s.BeginCall(w.ctx, call(0), time.Time{})
	w.ok(err)
	equal(w, "the first is forgotten", begun, true)
	_, begun, err = w.s.BeginCall(w.ctx, other, time.Time{})
	w.ok(err)
	equal(w, "another account's is not", begun, false)
}
