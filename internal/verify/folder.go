package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/device"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/inspect"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

// errDiffers ends the comparison as owed, without words: they have been said.
var errDiffers = fmt.Errorf("something differs from what was delivered: %w", shell.ErrOwed)

// Options say what of a folder is compared.
type Options struct {
	Group     string // only this one; empty: all of them
	Limit     int    // so many differences are named
	Delivered bool   // what groupcast did not deliver is not looked for
}

// Folder compares the files in dir with what was delivered there, by what the home h knows, and prints that.
func Folder(ctx context.Context, s *terminal.Streams, h home.Home, dir string, o Options) (err error) {
	if _, err := os.Stat(device.LedgerPath(h)); errors.Is(err, os.ErrNotExist) {
		return errNothingReceived(h.Path())
	}
	l, err := ledger.Open(ctx, device.LedgerPath(h), time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	show := s.NewDisplay()
	defer show.Done()
	q := inspect.Question{
		Ledger: l, Dir: dir, Fallback: device.DefaultDir(), Group: o.Group, Limit: o.Limit, Delivered: o.Delivered,
		Tick: func(group string, paths int) func(inspect.Counts) { return ticker(show, group, paths) },
	}
	if login, err := h.LoadLogin(); err == nil {
		q.Server = login.Fingerprint
	}
	found, err := inspect.Compare(ctx, q)
	switch {
	case errors.Is(err, inspect.ErrNothing):
		return errNothingReceived(h.Path())
	case errors.Is(err, inspect.ErrNoGroup):
		return errNothingDelivered(o.Group)
	case errors.Is(err, inspect.ErrTwoGroups):
		return shell.Misused(err)
	case err != nil:
		return err
	}
	show.Done()
	return say(s, found, o)
}

func errNothingReceived(home string) error {
	return groupcast.Errorf(groupcast.ENotFound, "nothing was received on this machine with the home %s", home).
		WithHint("give the home that `groupcast receive` runs with: --home, or GROUPCAST_HOME")
}

func errNothingDelivered(group string) error {
	where := "any group here"
	if group != "" {
		where = "the group " + group
	}
	return groupcast.Errorf(groupcast.ENotFound, "nothing was delivered to %s", where).
		WithHint("groupcast inbox lists what came")
}

// tickEvery is how often progress is drawn.
const tickEvery = 100 * time.Millisecond

func ticker(show *terminal.Display, group string, paths int) func(inspect.Counts) {
	last := time.Now()
	return func(c inspect.Counts) {
		if time.Since(last) < tickEvery {
			return
		}
		last = time.Now()
		done := c.Same + c.Changed + c.Missing + c.Unreadable
		show.Line(fmt.Sprintf("%s: %d of %d compared, %s read, %d not the same",
			ui.Name(group), min(done, paths), paths, ui.Size(c.Bytes), c.Changed+c.Missing+c.Other))
	}
}

func say(s *terminal.Streams, c inspect.Comparison, o Options) error {
	if s.JSON {
		if err := s.PrintJSON(c); err != nil {
			return err
		}
	} else {
		printTable(s, c, o)
	}
	switch {
	case c.Unreadable > 0:
		return groupcast.Errorf(groupcast.EUnavailable, "%s could not be read: what lies there is not known",
			ui.Entries(c.Unreadable)).
			WithHint("run it as the user that groupcast receive runs as")
	case !c.Clean():
		return errDiffers
	}
	return nil
}

func printTable(s *terminal.Streams, c inspect.Comparison, o Options) {
	rows := make([][]string, len(c.Differences))
	for i, f := range c.Differences {
		transfer := ""
		if f.Transfer != 0 {
			transfer = fmt.Sprint(uint64(f.Transfer))
		}
		rows[i] = []string{differs[f.Result], f.Group + "/" + f.Path, transfer, f.Detail}
	}
	if len(rows) > 0 {
		s.Table("RESULT|FILE|TRANSFER|WHY", rows)
	}
	if all := c.Changed + c.Missing + c.Other + c.Unreadable; c.Listed < all {
		fmt.Fprintf(s.Out, "%d of %d are named; --limit %d names all\n", c.Listed, all, all)
	}
	for _, g := range c.Groups {
		others := ""
		if !o.Delivered {
			others = fmt.Sprintf(", %d not delivered by groupcast", g.Other)
		}
		fmt.Fprintf(s.Out, "%s: %d same, %d changed, %d missing%s\n",
			ui.Name(g.Group), g.Same, g.Changed, g.Missing, others)
	}
}

// differs is what a finding is called.
var differs = map[inspect.Result]string{
	inspect.Changed: "changed", inspect.Missing: "missing", inspect.Other: "not delivered",
	inspect.Unreadable: "unreadable",
}
