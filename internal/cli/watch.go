package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/config"
	"github.com/groupcast/groupcast/internal/protocol"
)

// How often a watched transfer is read: a hint that it changed makes it sooner.
const (
	watchEvery = 500 * time.Millisecond
	plainEvery = 3 * time.Second
	barWidth   = 30
)

// watch shows a transfer until nobody active is left to serve, then what became of everyone.
// When ctx ends, the transfer goes on at the server.
func (a *app) watch(ctx context.Context, client *apiclient.Client, no protocol.TransferNo) error {
	w := &watcher{app: a, client: client, no: no, redraw: isTerminal(a.out) && !a.json}
	t, err := w.run(ctx)
	w.erase()
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(a.err, "groupcast: the transfer goes on at the server; watch it again with: groupcast transfer watch %d\n", no)
		return errOwed
	}
	if err != nil {
		return err
	}
	return w.end(context.WithoutCancel(ctx), t)
}

type watcher struct {
	app    *app
	client *apiclient.Client
	no     protocol.TransferNo
	redraw bool
	lines  int // on the screen now
	said   time.Time
	words  string
}

func (w *watcher) run(ctx context.Context) (groupcast.Transfer, error) {
	hints := make(chan struct{}, 1)
	listen, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.listen(listen, hints)
	}()
	defer func() { cancel(); <-done }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return groupcast.Transfer{}, context.Canceled
		case <-hints:
		case <-timer.C:
		}
		t, err := w.client.Transfer(ctx, w.no)
		if ctx.Err() != nil {
			return t, context.Canceled
		}
		if err != nil {
			return t, err
		}
		over, err := w.show(ctx, t)
		if over || err != nil {
			return t, err
		}
		timer.Reset(watchEvery)
	}
}

// listen turns events about the transfer into hints; without a stream the timer does.
func (w *watcher) listen(ctx context.Context, hints chan<- struct{}) {
	_ = w.client.Events(ctx, func(e groupcast.Event) error {
		if e.Transfer == w.no {
			select {
			case hints <- struct{}{}:
			default:
			}
		}
		return nil
	})
}

// show draws a state and says whether the watching is over.
func (w *watcher) show(ctx context.Context, t groupcast.Transfer) (over bool, err error) {
	var all []groupcast.Delivery
	if !t.State.Open() || t.Session == nil {
		if all, err = w.client.Deliveries(ctx, w.no); err != nil {
			return false, err
		}
	}
	switch {
	case w.app.json:
		line, err := json.Marshal(t)
		if err != nil {
			return false, err
		}
		if s := string(line); s != w.words {
			w.words = s
			fmt.Fprintln(w.app.out, s)
		}
	case w.redraw:
		w.draw(t)
	case time.Since(w.said) > plainEvery:
		w.said = time.Now()
		fmt.Fprintln(w.app.out, sentence(t))
	}
	return !t.State.Open() || t.Session == nil && t.State != groupcast.TransferGathering && !beingServed(all), nil
}

// beingServed says whether somebody active still lacks the transfer and can take it.
func beingServed(all []groupcast.Delivery) bool {
	for _, d := range all {
		if d.State == groupcast.DeliveryReceiving || d.State == groupcast.DeliveryQueued && d.Active {
			return true
		}
	}
	return false
}

// draw writes a picture of two lines over the last one.
func (w *watcher) draw(t groupcast.Transfer) {
	w.erase()
	progress := share(t)
	full := int(progress * barWidth)
	fmt.Fprintf(w.app.out, "[%s%s] %3.0f %%  %s\n%s\n", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), 100*progress, pace(t), sentence(t))
	w.lines = 2
}

func (w *watcher) erase() {
	for ; w.lines > 0; w.lines-- {
		fmt.Fprint(w.app.out, "\x1b[1A\x1b[2K")
	}
}

// share is how far the transfer is: the median of its devices, or how many have it.
func share(t groupcast.Transfer) float64 {
	if t.Session != nil {
		return min(max(t.Session.Progress, 0), 1)
	}
	if all := t.Verified + t.Owed + t.Failed; all > 0 {
		return float64(t.Verified) / float64(all)
	}
	return 0
}

func pace(t groupcast.Transfer) string {
	s := t.Session
	if s == nil {
		return ""
	}
	left := ""
	if s.Remaining > 0 {
		left = ", " + config.FormatDuration(s.Remaining.Round(time.Second)) + " left"
	}
	return fmt.Sprintf("%s (%s)  loss %.1f %%%s", config.FormatRate(s.Rate), s.Limiter, s.LossPercent, left)
}

func sentence(t groupcast.Transfer) string {
	text := fmt.Sprintf("%s to %s: %s; %d of %d have it", name(t.Name), name(t.Group), t.State, t.Verified, t.Verified+t.Owed+t.Failed)
	if t.Session != nil && t.Session.Verdict != "" {
		text += "; " + name(t.Session.Verdict)
	} else if t.Reason != "" {
		text += "; " + name(t.Reason)
	}
	return text
}

// end prints what became of everyone and turns what is still owed into the exit code.
func (w *watcher) end(ctx context.Context, t groupcast.Transfer) error {
	t, err := w.client.Transfer(ctx, w.no)
	if err != nil {
		return err
	}
	all, err := w.client.Deliveries(ctx, w.no)
	if err != nil {
		return err
	}
	if w.app.json {
		line, err := json.Marshal(struct {
			groupcast.Transfer
			Deliveries []groupcast.Delivery `json:"deliveries"`
		}{t, all})
		if err != nil {
			return err
		}
		fmt.Fprintln(w.app.out, string(line))
	} else {
		fmt.Fprintln(w.app.out, sentence(t))
		w.sayCost(t)
		if err := w.app.listDeliveries(notable(all)); len(notable(all)) > 0 && err != nil {
			return err
		}
	}
	switch {
	case t.State == groupcast.TransferFailed:
		return groupcast.Errorf(groupcast.EUnavailable, "transfer %d failed: %s", t.No, t.Reason).WithHint("see `groupcast transfer show %d`; mend the cause and send again", t.No)
	case t.Owed > 0 || t.Failed > 0:
		return errOwed
	}
	return nil
}

// sayCost compares what went over the wire with what one copy each would have been.
func (w *watcher) sayCost(t groupcast.Transfer) {
	if t.WireBytes > 0 && t.Verified > 1 {
		fmt.Fprintf(w.app.out, "sent %s once instead of %s\n", size(t.WireBytes+t.HTTPSBytes), size(t.Bytes*uint64(t.Verified)))
	}
}

// notable are the deliveries that a human wants to see: all of a few, else those without the
// files.
func notable(all []groupcast.Delivery) (out []groupcast.Delivery) {
	for _, d := range all {
		if len(all) <= 20 || d.State.Owed() || d.State == groupcast.DeliveryFailed {
			out = append(out, d)
		}
	}
	return out
}
