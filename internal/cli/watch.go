package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/config"
)

// How often a transfer is looked at while it is watched.
const (
	watchFirst   = 40 * time.Millisecond  // small files are through in no time
	watchSteady  = 250 * time.Millisecond // after the first second
	watchPerUnit = 200 * time.Microsecond // more for every device that is listed
	watchPatient = time.Minute            // with a server that does not answer
	watchStall   = 15 * time.Second       // of active devices of which nothing is heard
)

// snapshot is a transfer as it is watched.
type snapshot struct {
	Transfer   groupcast.Transfer   `json:"transfer"`
	Deliveries []groupcast.Delivery `json:"deliveries,omitempty"`
}

// watch shows a transfer until no active device is left to serve.
func (a *app) watch(ctx context.Context, client *apiclient.Client, t groupcast.Transfer) error {
	show := a.newDisplay()
	defer show.done()
	started, lost := time.Now(), time.Time{}
	s, quiet := snapshot{Transfer: t}, stillness{since: started}
	for {
		next, err := look(ctx, client, t)
		switch {
		case ctx.Err() != nil:
			show.done()
			return a.unwatched(s.Transfer)
		case err == nil:
			s, lost = next, time.Time{}
		case groupcast.ErrorCode(err) != groupcast.EUnavailable:
			return err
		case lost.IsZero():
			lost = time.Now()
		case time.Since(lost) > watchPatient:
			return groupcast.Errorf(groupcast.EUnavailable, "the server does not answer any more").
				WithHint("transfer %d goes on when it is back: groupcast transfer watch %d", t.No, t.No).Wrap(err)
		}
		if err == nil && (settled(s) || quiet.longer(s)) {
			show.done()
			return a.outcome(s, time.Since(started))
		}
		a.showProgress(show, s, lost)
		select {
		case <-ctx.Done():
		case <-time.After(pace(s, time.Since(started))):
		}
	}
}

func look(ctx context.Context, client *apiclient.Client, t groupcast.Transfer) (snapshot, error) {
	// Deliveries first: what the transfer says is then the newer of the two.
	deliveries, err := client.Deliveries(ctx, t.No)
	if err != nil {
		return snapshot{}, err
	}
	now, err := client.Transfer(ctx, t.No)
	return snapshot{now, deliveries}, err
}

func pace(s snapshot, watched time.Duration) time.Duration {
	if watched < time.Second {
		return watchFirst
	}
	return watchSteady + time.Duration(len(s.Deliveries))*watchPerUnit
}

// settled says whether nobody who is active waits for anything of the transfer.
func settled(s snapshot) bool {
	if !s.Transfer.State.Open() {
		return true
	}
	return !slices.ContainsFunc(s.Deliveries, func(d groupcast.Delivery) bool {
		return d.Active && (d.State == groupcast.DeliveryQueued || d.State == groupcast.DeliveryReceiving)
	})
}

// stillness notices when those who are active and still owed do nothing any more: a machine
// that hangs keeps its connection, and nobody should watch it for ever.
type stillness struct {
	since time.Time
	mark  string
}

func (q *stillness) longer(s snapshot) bool {
	mark := fmt.Sprint(s.Transfer.State, s.Transfer.WireBytes, s.Transfer.HTTPSBytes)
	for _, d := range s.Deliveries {
		mark += fmt.Sprint(d.State, d.Blocks, d.Active)
	}
	if mark != q.mark || s.Transfer.State != groupcast.TransferSending {
		q.since, q.mark = time.Now(), mark
	}
	return time.Since(q.since) > watchStall
}

// unwatched ends the watching by Ctrl-C; the transfer knows nothing of it.
func (a *app) unwatched(t groupcast.Transfer) error {
	fmt.Fprintf(a.err, "transfer %d goes on at the server; watch it again: groupcast transfer watch %d (take it back: groupcast transfer cancel %d)\n", t.No, t.No, t.No)
	return errOwed
}

// outcome prints how a transfer ended for each device.
func (a *app) outcome(s snapshot, took time.Duration) error {
	t := s.Transfer
	if a.json {
		if err := a.printLine(s); err != nil {
			return err
		}
	} else {
		if err := a.deliveryTable(s.Deliveries); err != nil {
			return err
		}
		fmt.Fprintln(a.out, summary(t, took))
	}
	switch {
	case t.State == groupcast.TransferFailed || t.State == groupcast.TransferCancelled || t.State == groupcast.TransferExpired:
		return groupcast.Errorf(groupcast.EConflict, "transfer %d is %s: %s", t.No, t.State, t.Reason).WithHint("when it is mended: groupcast transfer retry %d", t.No)
	case t.Failed > 0:
		return groupcast.Errorf(groupcast.EConflict, "transfer %d failed for %d", t.No, t.Failed).WithHint("groupcast transfer show %d says why; groupcast transfer retry %d owes it again", t.No, t.No)
	case t.State.Open():
		return errOwed
	}
	return nil
}

func summary(t groupcast.Transfer, took time.Duration) string {
	text := fmt.Sprintf("transfer %d: %d verified", t.No, t.Verified)
	if t.Owed > 0 {
		text += fmt.Sprintf(", %d still owed (delivered when they are back: groupcast pending list %s)", t.Owed, name(t.Group))
	}
	if t.Failed > 0 {
		text += fmt.Sprintf(", %d failed", t.Failed)
	}
	text += fmt.Sprintf("; %s in %s", size(t.Bytes), config.FormatDuration(took))
	if t.WireBytes > 0 && t.Bytes > 0 {
		text += fmt.Sprintf("; %s by multicast (×%.2f)", size(t.WireBytes), float64(t.WireBytes)/float64(t.Bytes))
	}
	if t.HTTPSBytes > 0 {
		text += fmt.Sprintf("; %s over HTTPS", size(t.HTTPSBytes))
	}
	return text
}

// showProgress draws one look at a transfer.
func (a *app) showProgress(show *display, s snapshot, lost time.Time) {
	if a.json {
		_ = a.printLine(snapshot{Transfer: s.Transfer}) // who reads it may be gone
		return
	}
	head := headline(s)
	if !lost.IsZero() {
		head = fmt.Sprintf("the server has not answered for %s; waiting for it", config.FormatDuration(time.Since(lost)))
	}
	lines := []string{bar(share(s), 20) + " " + head}
	if v := s.Transfer.Session; v != nil && v.Verdict != "" {
		lines = append(lines, "  "+name(v.Verdict))
	}
	show.draw(head, append(lines, deviceLines(s, show.height())...))
}

func headline(s snapshot) string {
	t := s.Transfer
	done := share(s)
	text := fmt.Sprintf("%3.0f %%  %s  %s", done*100, size(t.Bytes), t.State)
	if v := t.Session; v != nil {
		text += fmt.Sprintf("  %s (%s)  loss %.1f %%", config.FormatRate(v.Rate), name(v.Limiter), v.LossPercent)
		if v.Remaining > 0 {
			text += "  " + config.FormatDuration(v.Remaining) + " left"
		}
	}
	return text + fmt.Sprintf("  %d of %d verified", t.Verified, len(s.Deliveries))
}

// share is how much of what is owed has arrived, over all devices that take part.
func share(s snapshot) float64 {
	var have, want float64
	for _, d := range s.Deliveries {
		switch {
		case d.State == groupcast.DeliveryVerified || d.State == groupcast.DeliveryAlreadyHad || d.State == groupcast.DeliverySuperseded:
			have++
			want++
		case d.Active && d.State.Owed() && s.Transfer.Bytes > 0:
			have += min(1, float64(d.Bytes)/float64(s.Transfer.Bytes))
			want++
		}
	}
	if want == 0 {
		return 0
	}
	return have / want
}

// deviceLines shows those that are not through first.
func deviceLines(s snapshot, room int) []string {
	order := slices.Clone(s.Deliveries)
	slices.SortStableFunc(order, func(x, y groupcast.Delivery) int { return rank(x) - rank(y) })
	var lines []string
	for _, d := range order[:min(len(order), room)] {
		part := 0.0
		if s.Transfer.Bytes > 0 {
			part = float64(d.Bytes) / float64(s.Transfer.Bytes)
		}
		if d.State == groupcast.DeliveryVerified {
			part = 1
		}
		c := deliveryRow(d)
		lines = append(lines, fmt.Sprintf("  %s %3.0f %%  %-12s %-16s %-9s %-9s %s", bar(part, 10), part*100, name(c[0]), name(c[1]), c[2], c[4], name(d.Reason)))
	}
	if len(order) > room {
		lines = append(lines, fmt.Sprintf("  … and %d more", len(order)-room))
	}
	return lines
}

func rank(d groupcast.Delivery) int {
	switch {
	case d.State.Owed() && d.Active:
		return 0
	case d.State == groupcast.DeliveryFailed:
		return 1
	case d.State.Owed():
		return 3
	}
	return 2
}
