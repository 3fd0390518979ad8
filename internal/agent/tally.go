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

// sumUp says what became of a transfer as a whole, of which each shows the entries. What has an entry missing, of
// whatever kind, is not verified.
func sumUp(each func(show func(spool.Outcome)) error) (loop.Outcome, error) {
	s := sum{out: loop.Outcome{State: groupcast.DeliveryVerified}, count: map[spool.Result]int{}}
	if err := each(s.add); err != nil {
		return loop.Outcome{}, err
	}
	return s.result(), nil
}

// sum is what became of entries so far.
type sum struct {
	out             loop.Outcome
	count           map[spool.Result]int // of files: folders and links are made anew each time
	missing, beside []groupcast.DeliveryEntry
	last            string // path
}

func (s *sum) add(o spool.Outcome) {
	out := &s.out
	out.Tally.Entries++
	s.last = o.Path
	if o.Result == spool.Void {
		if out.Tally.Void++; out.Tally.Void <= maxNamed {
			out.Void = append(out.Void, fmt.Sprintf("%s (%s)", o.Path, o.Reason))
		}
		return
	}
	if o.Kind == manifest.KindFile {
		out.Files++
		s.count[o.Result]++
	}
	switch o.Result {
	case spool.Rejected:
		s.missing = append(s.missing, entryOf(o, groupcast.EntryMissing))
		return
	case spool.KeptBoth:
		s.beside = append(s.beside, entryOf(o, groupcast.EntryBeside))
	case spool.Committed, spool.AlreadyHad, spool.Superseded, spool.Void:
	}
	if o.Kind == manifest.KindFile {
		out.Bytes += o.Size
	}
}

func (s *sum) result() loop.Outcome {
	out := s.out
	out.Tally.Missing, out.Tally.Beside = len(s.missing), len(s.beside)
	out.Astray = append(s.missing, s.beside...)
	if out.What = loop.Plural(out.Files, "file"); out.Tally.Entries == 1 {
		out.What = s.last
	}
	switch n := out.Files; {
	case len(s.missing) > 0:
		out.State = groupcast.DeliveryIncomplete
	case n > 0 && s.count[spool.Superseded] == n:
		out.State = groupcast.DeliverySuperseded
	case n > 0 && s.count[spool.AlreadyHad] == n:
		out.State = groupcast.DeliveryAlreadyHad
	}
	out.Reason = why(s.missing, s.beside, s.count[spool.Superseded], out.Files)
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
