package agent

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/spool"
)

// maxNamed is how many entries a reason names; all of them are in the list beside the receipt.
const maxNamed = 3

// sumUp says what became of a transfer as a whole. What has an entry missing, of whatever kind,
// is not verified.
func sumUp(all []spool.Outcome) outcome {
	out := outcome{state: groupcast.DeliveryVerified, tally: groupcast.Tally{Entries: len(all)}}
	count := map[spool.Result]int{} // of files: folders and links are made anew each time
	var missing, beside []groupcast.DeliveryEntry
	for _, o := range all {
		if o.Kind == manifest.KindFile {
			out.files++
			count[o.Result]++
		}
		switch o.Result {
		case spool.Rejected:
			missing = append(missing, entryOf(o, groupcast.EntryMissing))
			continue
		case spool.KeptBoth:
			beside = append(beside, entryOf(o, groupcast.EntryBeside))
		}
		if o.Kind == manifest.KindFile {
			out.bytes += o.Size
		}
	}
	out.tally.Missing, out.tally.Beside = len(missing), len(beside)
	out.astray = append(missing, beside...)
	if out.what = plural(out.files, "file"); len(all) == 1 {
		out.what = all[0].Path
	}
	switch n := out.files; {
	case len(missing) > 0:
		out.state = groupcast.DeliveryIncomplete
	case n > 0 && count[spool.Superseded] == n:
		out.state = groupcast.DeliverySuperseded
	case n > 0 && count[spool.AlreadyHad] == n:
		out.state = groupcast.DeliveryAlreadyHad
	}
	out.reason = why(missing, beside, count[spool.Superseded], out.files)
	return out
}

func entryOf(o spool.Outcome, r groupcast.EntryResult) groupcast.DeliveryEntry {
	e := groupcast.DeliveryEntry{Path: o.Path, Kind: "file", Result: r, Reason: o.Reason}
	switch o.Kind {
	case manifest.KindFolder:
		e.Kind = "folder"
	case manifest.KindSymlink:
		e.Kind = "symlink"
	}
	if r == groupcast.EntryBeside {
		e.Name = o.Name
	}
	return e
}

// why names the first of what does not lie under its name, and counts the others.
func why(missing, beside []groupcast.DeliveryEntry, newer, files int) string {
	var out []string
	for i, e := range missing {
		if i == maxNamed {
			out = append(out, fmt.Sprintf("%d more are missing", len(missing)-i))
			break
		}
		out = append(out, e.Path+": "+e.Reason)
	}
	for i, e := range beside {
		if i == maxNamed {
			out = append(out, fmt.Sprintf("%d more lie beside", len(beside)-i))
			break
		}
		out = append(out, fmt.Sprintf("%s lies beside as %s: %s", e.Path, e.Name, e.Reason))
	}
	if newer > 0 && newer < files {
		out = append(out, fmt.Sprintf("%d of %d files are here in a newer version", newer, files))
	}
	return strings.Join(out, "; ")
}

// sendEntries tells the server what a receipt counts as missing and beside, page by page. That
// the server keeps no more of them, or is told nothing of the delivery any more, is no reason to
// keep the receipt back.
func (a *Agent) sendEntries(ctx context.Context, r groupcast.Receipt) error {
	for from := 0; from < r.Missing+r.Beside; from += groupcast.MaxEntryPage {
		page, err := a.cfg.Ledger.Entries(ctx, a.cfg.Server, r.Transfer, from, groupcast.MaxEntryPage)
		if err != nil || len(page) == 0 {
			a.cfg.Log.Warn("entries not read", "transfer", uint64(r.Transfer), "err", err)
			return nil
		}
		for i := range page {
			page[i].Reason = brief(page[i].Reason)
		}
		err = inTime(ctx, func(ctx context.Context) error {
			return a.cfg.Client.Entries(ctx, groupcast.EntryPage{Transfer: r.Transfer, From: from, Entries: page})
		})
		switch groupcast.ErrorCode(err) {
		case groupcast.ENotFound, groupcast.EConflict, groupcast.EClosed, groupcast.EInvalid:
			a.cfg.Log.Info("entries not taken", "transfer", uint64(r.Transfer), "err", err)
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inTime gives one call of a receipt its time.
func inTime(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return call(ctx)
}

// maxReason bounds the reason of a receipt, and of one entry.
const maxReason = groupcast.MaxReason

func brief(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxReason)], "")
}
