package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

// sendOptions are the flags of everything that promises files.
type sendOptions struct {
	new      groupcast.NewTransfer
	keep     string
	rate     string
	via      string
	onServer bool
	resume   string // an upload that broke
	exclude  []string
	skipBad  bool
	to       []string // groups; else the first argument is one
	strict   bool     // who is off counts, too
}

// targets parts the arguments into groups and paths.
func (o *sendOptions) targets(args []string) (groups, paths []string) {
	if len(o.to) > 0 {
		return o.to, args
	}
	return args[:1], args[1:]
}

// args counts the arguments: with --to all of them are paths.
func (o *sendOptions) args(c *cobra.Command, args []string) error {
	least := 2
	if len(o.to) > 0 {
		least = 1
	}
	return cobra.MinimumNArgs(least)(c, args)
}

func (o *sendOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&o.to, "to", nil, "a `GROUP`, instead of the first argument; repeatable, to send to several")
	f.StringArrayVar(&o.new.Selection.Only, "only", nil, "for some of the group only: those with a `LABEL`, room=2, "+
		"or a device, alice/pc-03; repeatable: of the same key one is enough, and each key needs one")
	f.StringArrayVar(&o.new.Selection.Except, "except", nil, "not for those with a label, or a `DEVICE`; repeatable")
	f.StringVar(&o.keep, "keep", "30d", "for this `TIME` it is owed to those who are off: 12h, 30d")
	f.StringVar(&o.rate, "rate", "auto", "at most so many `BITS` a second: 100M, 1.5G")
	f.StringVar(&o.via, "via", "auto", "the `PATH` of the data: auto, multicast or https")
	f.BoolVar(&o.new.Copy, "copy", false, "on the server's machine: copy the files first instead of reading them in place")
	f.BoolVar(&o.onServer, "on-server", false, "the paths lie on the server, below a folder of its --source")
	f.BoolVar(
		&o.skipBad,
		"skip-bad",
		false,
		"leave out what cannot be sent (sockets, names that are not UTF-8, links that lead out, what may not be read) "+
			"and send the rest",
	)
	f.StringArrayVar(
		&o.exclude,
		"exclude",
		nil,
		"leave out what matches a `PATTERN`: *.tmp a name anywhere, build/ folders only, a/b a path, **/x at any depth; "+
			"may be repeated",
	)
	f.StringVar(&o.resume, "resume", "", "go on with the upload of this `ID` that broke off")
}

// fill reads the flags that are text.
func (o *sendOptions) fill() (err error) {
	if o.new.Keep, err = units.ParseDuration(o.keep); err != nil {
		return err
	}
	if o.new.Rate, err = units.ParseRate(o.rate); err != nil {
		return err
	}
	o.new.Via = groupcast.Via(o.via)
	switch o.new.Via {
	case groupcast.ViaAuto, groupcast.ViaMulticast, groupcast.ViaHTTPS:
		return nil
	}
	return groupcast.Errorf(groupcast.EInvalid, "--via is auto, multicast or https, not %q", o.via)
}

func (a *app) send() *cobra.Command {
	var o sendOptions
	var detach, onlyPlan bool
	c := &cobra.Command{
		Use: "send GROUP PATH...", Short: "Send files and folders to a group now, and watch", Args: o.args,
		Long: `Promises the files to the group, sends them now and shows rate, loss and each device's progress.
It ends when no connected receiver is left to serve. Receivers that are off get it when they are
back, and are named. The exit code is 0 if all that are connected have it, and 3 if some of them, or
with --strict any receiver, are still owed it; it is 3, too, if nobody has it. Ctrl-C ends the
watching, not the transfer; --detach does not watch at all.

--plan sends nothing and says who is ready, who is away, who lacks space, and how long it takes.`,
		Example: "  groupcast send lab-a ubuntu.iso\n" +
			"  groupcast send lab-a course/ --rate 200M\n" +
			"  groupcast send --to lab-a --to lab-b exam.pdf --detach\n" +
			"  groupcast send lab-a exam.pdf --only room=2 --except pc-07\n" +
			"  groupcast send lab-a ubuntu.iso --plan\n" +
			"  groupcast send lab-a report.pdf --json",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			o.new.Now = true
			groups, paths := o.targets(args)
			if onlyPlan {
				if err := o.fill(); err != nil {
					return err
				}
				return a.showPlan(c.Context(), client, o, groups, paths)
			}
			return a.sendTo(c.Context(), client, o, groups, paths, detach)
		}),
	}
	o.flags(c)
	c.Flags().BoolVar(&o.strict, "strict", false, "exit code 3 if any receiver is still owed it, also one that is off")
	c.Flags().BoolVar(&detach, "detach", false, "do not watch: end once the server has it")
	c.Flags().BoolVar(
		&onlyPlan, "plan", false, "send nothing; say who is ready, away or lacks space, and how long it takes",
	)
	c.Flags().BoolVar(&onlyPlan, "dry-run", false, "the same as --plan")
	return c
}

// sendTo promises to every group before it watches the first.
func (a *app) sendTo(
	ctx context.Context, client *apiclient.Client, o sendOptions, groups, paths []string, detach bool,
) error {
	all, err := a.promiseTo(ctx, client, o, groups, paths)
	for _, t := range all {
		if detach {
			err = errors.Join(err, a.sayPromised(t))
			continue
		}
		if len(all) > 1 && !a.JSON {
			a.note(fmt.Sprintf("transfer %d for %s:", t.No, ui.Name(t.Group)))
		}
		err = worse(err, a.view(client).Follow(ctx, t, o.strict))
	}
	return err
}

// worse is the error that a command with several parts ends with: one that says something goes
// before one that only has an exit code.
func worse(a, b error) error {
	switch {
	case a == nil || errors.Is(a, shell.ErrOwed) && b != nil:
		return b
	case b == nil || errors.Is(b, shell.ErrOwed):
		return a
	}
	return errors.Join(a, b)
}

// promiseTo makes a transfer for each group. Nothing is made if one of several cannot be sent to.
func (a *app) promiseTo(
	ctx context.Context, client *apiclient.Client, o sendOptions, groups, paths []string,
) (all []groupcast.Transfer, err error) {
	if len(groups) > 1 {
		for _, g := range groups {
			n := o.new
			n.Group = g
			if err := mayPromise(ctx, client, n); err != nil {
				return nil, err
			}
		}
	}
	for _, g := range groups {
		t, err := a.promise(ctx, client, o, g, paths)
		if err != nil {
			return all, err
		}
		all = append(all, t)
	}
	return all, nil
}

// sayPromised says what becomes of a transfer that was just made.
func (a *app) sayPromised(t groupcast.Transfer) error {
	return a.One(t, "transfer %d: %s, %s (%s) for %s: %s", uint64(t.No), t.Name, ui.Contents(t), ui.Size(t.Bytes),
		ui.ForWhom(t),
		ui.WhatNow(t))
}

// promise makes a transfer of paths: read in place on the server's own machine, uploaded
// from anywhere else.
func (a *app) promise(
	ctx context.Context, client *apiclient.Client, o sendOptions, group string, paths []string,
) (groupcast.Transfer, error) {
	if err := o.fill(); err != nil {
		return groupcast.Transfer{}, err
	}
	n := o.new
	n.Group = group
	if err := mayPromise(ctx, client, n); err != nil {
		return groupcast.Transfer{}, err // before an hour of uploading
	}
	var err error
	switch {
	case o.onServer:
		n.Paths, n.Exclude, n.SkipBad = paths, o.exclude, o.skipBad
	case client.IsLocal():
		n.Exclude, n.SkipBad = o.exclude, o.skipBad
		n.Paths, err = absolute(paths)
	default:
		sel := &apiclient.Selection{Paths: paths, Exclude: o.exclude, SkipBad: o.skipBad}
		return a.promiseUpload(ctx, client, n, o.resume, sel)
	}
	if err != nil {
		return groupcast.Transfer{}, a.listBad(ctx, client, n, err)
	}
	return a.add(ctx, client, n)
}

func (a *app) add(ctx context.Context, client *apiclient.Client, n groupcast.NewTransfer) (groupcast.Transfer, error) {
	t, err := client.AddTransfer(ctx, n)
	if err != nil {
		return t, a.listBad(ctx, client, n, err)
	}
	a.sayLeftOut(ctx, client, t)
	if text := ui.Replaces(t); text != "" {
		a.note(fmt.Sprintf("transfer %d %s", t.No, text))
	}
	for _, note := range t.Notes {
		a.note("note: " + ui.Note(note))
	}
	return t, err
}

// absolute checks paths on this machine before the server reads them where they lie.
func absolute(paths []string) ([]string, error) {
	out := make([]string, len(paths))
	for i, p := range paths {
		if _, err := os.Stat(p); errors.Is(err, fs.ErrNotExist) {
			return nil, groupcast.Errorf(groupcast.ENotFound, "no such file or folder: %s", p).WithHint("check the spelling")
		}
		full, err := filepath.Abs(p)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", p, err)
		}
		out[i] = full
	}
	return out, nil
}

func perSecond(bytes uint64, d time.Duration) string {
	if d < 100*time.Millisecond {
		return ""
	}
	return units.FormatSize(uint64(float64(bytes)/d.Seconds())) + "/s"
}

// mayPromise asks beforehand what the server would say in the end: that there is no such group and,
// for what is to be sent now, that the group has no members or that nothing is sent yet.
func mayPromise(ctx context.Context, client *apiclient.Client, n groupcast.NewTransfer) error {
	g, err := client.Group(ctx, n.Group)
	if err != nil {
		return err
	}
	if err := mayNarrow(ctx, client, n); err != nil || !n.Now {
		return err
	}
	if g.Members == 0 {
		return groupcast.Errorf(groupcast.ENobody, "nobody is in group %s: it would be sent to nobody", g.Name).
			WithHint("groupcast member add %s USER; to promise it to those who come later: groupcast pending add %s PATH",
				g.Name, g.Name)
	}
	st, err := client.ServerStatus(ctx)
	if err == nil && st.Restored {
		return groupcast.Errorf(groupcast.EUnconfirmed, "%s", groupcast.Unconfirmed).
			WithHint("look at `groupcast member list %s`, then: groupcast restore --confirm", g.Name)
	}
	return err
}

// mayNarrow asks whether a selection takes anybody.
func mayNarrow(ctx context.Context, client *apiclient.Client, n groupcast.NewTransfer) error {
	if n.Selection.All() {
		return nil
	}
	p, err := client.PlanTransfer(ctx, groupcast.PlanQuery{Groups: []string{n.Group}, Selection: n.Selection})
	if err == nil && p.Groups[0].Total+p.Groups[0].NoDevice == 0 {
		return groupcast.Errorf(groupcast.ENobody, "no machine of the group %s belongs to %q", n.Group, n.Selection).
			WithHint("groupcast device list shows their labels; groupcast device label DEVICE KEY=VALUE sets them")
	}
	return err
}
