package agent

import (
	"fmt"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/spool"
)

// maxNamed is how many entries a reason names; all of them are in the list beside the receipt.
const maxNamed = 3

// sumUp says what became of a transfer as a whole. What has an entry missing, of whatever kind,
// is not verified.
func sumUp(all []spool.Outcome) loop.Outcome {
	out := loop.Outcome{State: groupcast.DeliveryVerified, Tally: groupcast.Tally{Entries: len(all)}}
	count := map[spool.Result]int{} // of files: folders and links are made anew each time
	var missing, beside []groupcast.DeliveryEntry
	for _, o := range all {
		if o.Result == spool.Void {
			if out.Tally.Void++; out.Tally.Void <= maxNamed {
				out.Void = append(out.Void, fmt.Sprintf("%s (%s)", o.Path, o.Reason))
			}
			continue
		}
		if o.Kind == manifest.KindFile {
			out.Files++
			count[o.Result]++
		}
		switch o.Result {
		case spool.Rejected:
			missing = append(missing, entryOf(o, groupcast.EntryMissing))
			continue
		case spool.KeptBoth:
			beside = append(beside, entryOf(o, groupcast.EntryBeside))
		case spool.Committed, spool.AlreadyHad, spool.Superseded, spool.Void:
		}
		if o.Kind == manifest.KindFile {
			out.Bytes += o.Size
		}
	}
	out.Tally.Missing, out.Tally.Beside = len(missing), len(beside)
	out.Astray = append(missing, beside...)
	if out.What = loop.Plural(out.Files, "file"); len(all) == 1 {
		out.What = all[0].Path
	}
	switch n := out.Files; {
	case len(missing) > 0:
		out.State = groupcast.DeliveryIncomplete
	case n > 0 && count[spool.Superseded] == n:
		out.State = groupcast.DeliverySuperseded
	case n > 0 && count[spool.AlreadyHad] == n:
		out.State = groupcast.DeliveryAlreadyHad
	}
	out.Reason = why(missing, beside, count[spool.Superseded], out.Files)
	return out
}

func entryOf(o spool.Outcome, r groupcast.EntryResult) groupcast.DeliveryEntry {
	e := groupcast.DeliveryEntry{Path: o.Path, Kind: "file", Result: r, Reason: o.Reason}
	switch o.Kind {
	case manifest.KindFolder:
		e.Kind = "folder"
	case manifest.KindSymlink:
		e.Kind = "symlink"
	case manifest.KindFile:
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
