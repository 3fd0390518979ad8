package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/device"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/inspect"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

// errDiffers ends `verify DIR` with exitOwed, without words: they have been said.
var errDiffers = fmt.Errorf("something differs from what was delivered: %w", errOwed)

// compared is what `verify DIR` prints with --json.
type compared struct {
	Dir    string          `json:"dir"`
	Groups []comparedGroup `json:"groups"`
	inspect.Counts
	Differences []inspect.Finding `json:"differences"` // the first so many
	Listed      int               `json:"listed"`
}

type comparedGroup struct {
	Group string `json:"group"`
	inspect.Counts
}

// verifyDir compares what lies in DIR with what was delivered there.
func (a *app) verifyDir(ctx context.Context, dir string, o verifyOptions) (err error) {
	h, err := home.Find(a.home)
	if err != nil {
		return err
	}
	if _, err := os.Stat(device.LedgerPath(h)); errors.Is(err, os.ErrNotExist) {
		return errNothingReceived(h.Path())
	}
	l, err := ledger.Open(ctx, device.LedgerPath(h), time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	dir, group, id, err := receivedIn(ctx, l, dir, h.Path())
	if err != nil {
		return err
	}
	if group != "" {
		if o.group != "" && o.group != group {
			return usageError{fmt.Errorf("%s is the folder of %s, not of %s", filepath.Join(dir, group), group, o.group)}
		}
		o.group = group
	}
	root, err := spool.OpenKnown(dir, id)
	if err != nil {
		return groupcast.Errorf(groupcast.EUnavailable, "%s", err).WithHint("nothing was compared")
	}
	defer root.Close()
	groups, err := l.Groups(ctx)
	if err != nil {
		return err
	}
	found, err := a.compareGroups(ctx, l, root, groupsOf(h, groups, o.group), groups, compared{Dir: dir}, o)
	if err != nil {
		return err
	}
	return a.sayCompared(found, o)
}

func errNothingReceived(home string) error {
	return groupcast.Errorf(groupcast.ENotFound, "nothing was received on this machine with the home %s", home).
		WithHint("give the home that `groupcast receive` runs with: --home, or GROUPCAST_HOME")
}

// receivedIn finds the folder that files went to: the one that is meant by dir, or has its name
// above it, and then the group whose folder dir is.
func receivedIn(
	ctx context.Context, l *ledger.Ledger, dir, home string,
) (root, group string, id spool.Identity, err error) {
	known, err := l.Folders(ctx)
	if err != nil {
		return "", "", id, err
	}
	if len(known) == 0 {
		return "", "", id, errNothingReceived(home)
	}
	if dir == "" && len(known) == 1 {
		for only, id := range known {
			return only, "", id, nil
		}
	}
	if dir, err = device.AbsoluteDir(dir); err != nil {
		return "", "", id, err
	}
	for _, at := range []struct{ root, group string }{{dir, ""}, {filepath.Dir(dir), filepath.Base(dir)}} {
		for folder, id := range known {
			if folder == at.root || sameFolder(folder, at.root) {
				return folder, at.group, id, nil
			}
		}
	}
	var names []string
	for folder := range known {
		names = append(names, folder)
	}
	slices.Sort(names)
	return "", "", id, groupcast.Errorf(groupcast.ENotFound, "groupcast received nothing in %s", dir).
		WithHint("it did in %s", strings.Join(names, ", "))
}

func sameFolder(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}

// groupsOf chooses whose deliveries are compared: of the server that this machine is logged in to,
// if it is, and of one group, if one is named.
func groupsOf(h home.Home, all []ledger.Group, only string) []ledger.Group {
	var server protocol.ServerID
	if login, err := h.LoadLogin(); err == nil {
		server = login.Fingerprint
	}
	return slices.DeleteFunc(slices.Clone(all), func(g ledger.Group) bool {
		return only != "" && g.Name != only || server != (protocol.ServerID{}) && g.Server != server
	})
}

func (a *app) compareGroups(
	ctx context.Context, l *ledger.Ledger, root spool.FS, groups, all []ledger.Group, out compared, o verifyOptions,
) (compared, error) {
	if len(groups) == 0 {
		return out, groupcast.Errorf(groupcast.ENotFound, "nothing was delivered to %s",
			yes(o.group == "", "any group here", "the group "+o.group)).
			WithHint("groupcast inbox lists what came")
	}
	show := a.NewDisplay()
	defer show.Done()
	out.Groups, out.Differences = []comparedGroup{}, []inspect.Finding{}
	for n, g := range groups {
		book := l.Book(g.Server, g.ID, g.Name)
		paths, _, err := book.Count(ctx)
		if err != nil {
			return out, err
		}
		first := !slices.ContainsFunc(groups[:n], func(earlier ledger.Group) bool { return earlier.Name == g.Name })
		look := inspect.Inspector{FS: root, Group: g.Name, Book: book, Tick: ticker(show, g.Name, paths)}
		look.Found = func(f inspect.Finding) {
			if len(out.Differences) < o.limit || o.limit <= 0 {
				out.Differences = append(out.Differences, f)
			}
		}
		for _, other := range all {
			if other.Name == g.Name && other != g {
				look.Known = append(look.Known, l.Book(other.Server, other.ID, other.Name))
			}
		}
		counts, err := look.Run(ctx, first && !o.delivered)
		if err != nil {
			return out, err
		}
		out.Groups = append(out.Groups, comparedGroup{g.Name, counts})
		out.Add(counts)
	}
	out.Listed = len(out.Differences)
	return out, nil
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

func (a *app) sayCompared(c compared, o verifyOptions) error {
	if a.JSON {
		if err := a.PrintJSON(c); err != nil {
			return err
		}
	} else {
		a.printCompared(c, o)
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

func (a *app) printCompared(c compared, o verifyOptions) {
	rows := make([][]string, len(c.Differences))
	for i, f := range c.Differences {
		transfer := ""
		if f.Transfer != 0 {
			transfer = number(f.Transfer)
		}
		rows[i] = []string{differs[f.Result], f.Group + "/" + f.Path, transfer, f.Detail}
	}
	if len(rows) > 0 {
		for _, line := range ui.Table("RESULT|FILE|TRANSFER|WHY", rows) {
			fmt.Fprintln(a.Out, line)
		}
	}
	if all := c.Changed + c.Missing + c.Other + c.Unreadable; c.Listed < all {
		fmt.Fprintf(a.Out, "%d of %d are named; --limit %d names all\n", c.Listed, all, all)
	}
	for _, g := range c.Groups {
		others := fmt.Sprintf(", %d not delivered by groupcast", g.Other)
		fmt.Fprintf(a.Out, "%s: %d same, %d changed, %d missing%s\n",
			ui.Name(g.Group), g.Same, g.Changed, g.Missing, yes(o.delivered, "", others))
	}
}

// differs is what a finding is called.
var differs = map[inspect.Result]string{
	inspect.Changed: "changed", inspect.Missing: "missing", inspect.Other: "not delivered",
	inspect.Unreadable: "unreadable",
}
