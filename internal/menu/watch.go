package menu

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/config"
	"github.com/groupcast/groupcast/internal/words"
)

// watchEvery is how often a transfer is looked at; watchLines how many devices are shown.
const (
	watchEvery = 250 * time.Millisecond
	watchLines = 100
)

// addPending promises a path to a group: read in place on the server's own machine, uploaded
// from anywhere else.
func (d *Desk) addPending(ctx context.Context, a Answers, tell show) (Page, error) {
	path, err := filepath.Abs(expand(a["path"]))
	if err != nil {
		return Page{}, fmt.Errorf("find %s: %w", a["path"], err)
	}
	n := groupcast.NewTransfer{Group: a["group"], Hold: a.yes("hold"), Paths: []string{path}}
	if !d.Admin.IsLocal() {
		up, err := d.Admin.UploadPaths(ctx, n.Paths, func(p apiclient.UploadProgress) { tell(uploading(p)) })
		if err != nil {
			return Page{}, err
		}
		n.Paths, n.Upload = nil, up.ID
	}
	t, err := d.Admin.AddTransfer(ctx, n)
	if err != nil {
		return Page{}, err
	}
	next := "It goes out as soon as a device that lacks it is active."
	if t.State == groupcast.TransferHeld {
		next = "It is held until `Send pending`."
	}
	return say(fmt.Sprintf("Transfer %d: %s, %s (%s) for %s.", t.No, words.Name(t.Name), words.Plural(t.Files, "file"), words.Size(t.Bytes), words.Name(t.Group)), next), nil
}

func uploading(p apiclient.UploadProgress) Progress {
	part := 1.0
	if p.Total > 0 {
		part = float64(p.Bytes) / float64(p.Total)
	}
	text := fmt.Sprintf("uploading %s of %s  %s", words.Size(p.Bytes), words.Size(p.Total), words.Name(p.Path))
	return Progress{Lines: []string{words.Bar(part, 40), text}}
}

// sendPending sends what is pending for a group and watches it, one transfer after another.
func (d *Desk) sendPending(ctx context.Context, a Answers, tell show) (Page, error) {
	sent, err := d.Admin.SendPending(ctx, a["group"])
	if err != nil {
		return Page{}, err
	}
	if len(sent) == 0 {
		return say("Nothing is pending for " + words.Name(a["group"]) + "."), nil
	}
	var p Page
	for _, t := range sent {
		s, err := d.watch(ctx, t, tell)
		if err != nil {
			return p, err
		}
		p.Lines = append(p.Lines, outcome(ctx, s)...)
	}
	return p, nil
}

// watch shows a transfer until nobody who is active waits for it, or until it is left.
func (d *Desk) watch(ctx context.Context, t groupcast.Transfer, tell show) (words.Snapshot, error) {
	s, quiet := words.Snapshot{Transfer: t}, words.Stillness{Since: time.Now()}
	for {
		deliveries, err := d.Admin.Deliveries(ctx, t.No)
		if err == nil {
			s.Deliveries = deliveries
			t, err = d.Admin.Transfer(ctx, t.No)
		}
		switch {
		case ctx.Err() != nil:
			return s, nil
		case err != nil:
			return s, err
		}
		s.Transfer = t
		tell(Progress{Lines: live(s)})
		if words.Settled(s) || quiet.Longer(s) {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return s, nil
		case <-time.After(watchEvery):
		}
	}
}

// live is a transfer as it stands: the sentence first, the worst device on top.
func live(s words.Snapshot) []string {
	t, done := s.Transfer, words.Share(s)
	lines := []string{fmt.Sprintf("Transfer %d: %s (%s) for %s", t.No, words.Name(t.Name), words.Size(t.Bytes), words.Name(t.Group))}
	if v := t.Session; v != nil && v.Verdict != "" {
		lines = append(lines, words.Name(v.Verdict))
	} else {
		lines = append(lines, fmt.Sprintf("%d of %d verified; %s", t.Verified, len(s.Deliveries), t.State))
	}
	lines = append(lines, fmt.Sprintf("%s %3.0f %%", words.Bar(done, 50), done*100))
	if v := t.Session; v != nil {
		text := fmt.Sprintf("%s, held by %s; loss %.1f %%", config.FormatRate(v.Rate), words.Name(v.Limiter), v.LossPercent)
		if v.Remaining > 0 {
			text += "; " + config.FormatDuration(v.Remaining) + " left"
		}
		lines = append(lines, text)
	}
	return append(append(lines, counts(s.Deliveries), ""), words.DeviceLines(s, watchLines)...)
}

// counts says how many devices are in which state: not all of them fit the screen.
func counts(deliveries []groupcast.Delivery) string {
	number, order := map[string]int{}, []string{}
	for _, d := range deliveries {
		state := string(d.State)
		if d.State.Owed() && !d.Active {
			state = "off"
		}
		if number[state]++; number[state] == 1 {
			order = append(order, state)
		}
	}
	for i, state := range order {
		order[i] = fmt.Sprintf("%d %s", number[state], state)
	}
	return strings.Join(order, ", ")
}

// outcome is how a transfer ended, or that it goes on.
func outcome(ctx context.Context, s words.Snapshot) []string {
	t := s.Transfer
	text := fmt.Sprintf("Transfer %d (%s): %d verified", t.No, words.Name(t.Name), t.Verified)
	if t.Owed > 0 {
		text += fmt.Sprintf(", %d still owed: delivered when they are back", t.Owed)
	}
	if t.Failed > 0 {
		text += fmt.Sprintf(", %d failed", t.Failed)
	}
	lines := []string{text + "."}
	if ctx.Err() != nil && t.State.Open() {
		lines = append(lines, "It goes on at the server; `Pending status` shows how.")
	}
	return append(append(lines, table(s.Deliveries, "Owed to nobody.", words.DeliveryHead, words.DeliveryRow).Lines...), "")
}
