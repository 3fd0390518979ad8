package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

// How often a transfer is looked at while it is watched.
const (
	watchFirst   = 40 * time.Millisecond  // small files are through in no time
	watchSteady  = 250 * time.Millisecond // after the first second
	watchPerUnit = 200 * time.Microsecond // more for every device that is listed
	watchPatient = time.Minute            // with a server that does not answer
)

// View prints transfers of a server.
type View struct {
	*terminal.Streams
	Client *apiclient.Client
}

// Follow shows a transfer until no active device is left to serve. Its error says by the exit code how it ended;
// if all who are connected have it, those who are away count only if it is strict.
func (v View) Follow(ctx context.Context, t groupcast.Transfer, strict bool) error {
	show := v.NewDisplay()
	defer show.Done()
	started, lost := time.Now(), time.Time{}
	s, quiet := ui.Snapshot{Transfer: t}, ui.Stillness{Since: started}
	for {
		next, err := v.look(ctx, t)
		switch {
		case ctx.Err() != nil:
			show.Done()
			return v.unwatched(s.Transfer)
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
		if err == nil && (ui.Settled(s) || quiet.Longer(s)) {
			show.Done()
			return v.outcome(ctx, s, time.Since(started), strict)
		}
		v.showProgress(show, s, lost)
		select {
		case <-ctx.Done():
		case <-time.After(pace(s, time.Since(started))):
		}
	}
}

func (v View) look(ctx context.Context, t groupcast.Transfer) (ui.Snapshot, error) {
	// Deliveries first: what the transfer says is then the newer of the two.
	deliveries, err := v.Client.Deliveries(ctx, t.No)
	if err != nil {
		return ui.Snapshot{}, err
	}
	now, err := v.Client.Transfer(ctx, t.No)
	if err == nil && !now.State.Open() { // the last look: both are as they ended
		deliveries, err = v.Client.Deliveries(ctx, t.No)
	}
	return ui.Snapshot{Transfer: now, Deliveries: deliveries}, err
}

func pace(s ui.Snapshot, watched time.Duration) time.Duration {
	if watched < time.Second {
		return watchFirst
	}
	return watchSteady + time.Duration(len(s.Deliveries))*watchPerUnit
}

// unwatched ends the watching by Ctrl-C; the transfer knows nothing of it.
func (v View) unwatched(t groupcast.Transfer) error {
	fmt.Fprintf(
		v.Err,
		"transfer %d goes on at the server; watch it again: groupcast transfer watch %d (take it back: groupcast "+
			"transfer cancel %d)\n",
		t.No,
		t.No,
		t.No,
	)
	return shell.ErrOwed
}

// outcome prints how a transfer ended for each device.
func (v View) outcome(ctx context.Context, s ui.Snapshot, took time.Duration, strict bool) error {
	t := s.Transfer
	if v.JSON {
		if err := v.PrintLine(s); err != nil {
			return err
		}
	} else {
		if err := Deliveries(v.Streams, s.Deliveries); err != nil {
			return err
		}
		if err := v.Astray(ctx, s.Deliveries); err != nil {
			return err
		}
		fmt.Fprintln(v.Out, ui.Summary(t, took))
		if forging := ui.Forging(t); forging != "" {
			fmt.Fprintln(v.Out, forging)
		}
	}
	shared := v.sayShared(s.Deliveries)
	switch {
	case t.State == groupcast.TransferFailed || t.State == groupcast.TransferCancelled ||
		t.State == groupcast.TransferExpired:
		return groupcast.Errorf(groupcast.EConflict, "transfer %d is %s: %s", t.No, t.State, t.Reason).WithHint(
			"%s",
			v.howAgain(ctx, t),
		)
	case t.Failed > 0:
		return groupcast.Errorf(groupcast.EConflict, "transfer %d failed for %d", t.No, t.Failed).WithHint(
			"groupcast transfer show %d says why; groupcast transfer retry %d owes it again",
			t.No,
			t.No,
		)
	case t.Incomplete > 0:
		fmt.Fprintf(
			v.Err,
			"transfer %d is incomplete at %s; when that is fixed: groupcast transfer retry %d\n",
			t.No, ui.Plural(t.Incomplete, "device"), t.No,
		)
		return shell.ErrOwed
	case shared:
		return shell.ErrOwed
	case t.State.Open() && t.Owed > 0: // open and owing nobody is a session winding up
		return v.owing(s, strict)
	}
	return nil
}

// owing ends the watching of a transfer that devices are still owed: with nil if all that are connected have it.
func (v View) owing(s ui.Snapshot, strict bool) error {
	away := ui.Away(s.Deliveries)
	if strict || s.Transfer.Paused || s.Transfer.Verified == 0 || len(away) == 0 {
		return shell.ErrOwed
	}
	if !v.JSON {
		fmt.Fprintln(v.Out, ui.AwayInWords(away))
	}
	return nil
}

// showProgress draws one look at a transfer.
func (v View) showProgress(show *terminal.Display, s ui.Snapshot, lost time.Time) {
	if v.JSON {
		_ = v.PrintLine(ui.Snapshot{Transfer: s.Transfer}) // who reads it may be gone
		return
	}
	head := ui.Headline(s)
	if !lost.IsZero() {
		head = fmt.Sprintf("the server has not answered for %s; waiting for it", units.FormatDuration(time.Since(lost)))
	}
	lines := []string{ui.Bar(ui.Share(s), 20) + " " + head}
	if line := ui.Line(s, time.Now()); line != "" {
		lines = append(lines, "  "+line)
	}
	if forging := ui.Forging(s.Transfer); forging != "" {
		lines = append(lines, "  "+forging)
	}
	show.Draw(head, append(lines, ui.DeviceLines(s, show.Height())...))
}

// howAgain is how to send a transfer that is closed once more.
func (v View) howAgain(ctx context.Context, t groupcast.Transfer) string {
	if g, err := v.Client.Group(ctx, t.Group); groupcast.ErrorCode(err) == groupcast.ENotFound ||
		err == nil && g.ID != t.GroupID {
		return "the group was deleted: send the files to another one with `groupcast send GROUP PATH`"
	}
	return fmt.Sprintf("when it is fixed: groupcast transfer retry %d", t.No)
}

// sayShared says which logins several machines use: only one of them got anything.
func (v View) sayShared(deliveries []groupcast.Delivery) bool {
	said := false
	for _, d := range deliveries {
		if d.Machines > 1 {
			said = true
			fmt.Fprintf(v.Err, "the login of %s/%s is used by %d machines, of which only one gets files: a home was copied\n"+
				"     next: start `groupcast receive` on them without --same-device, or `groupcast logout` there and log in\n",
				ui.Name(d.User), ui.Name(d.Device), d.Machines)
		}
	}
	return said
}
