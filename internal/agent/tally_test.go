package agent

import (
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/spool"
)

type summed struct {
	all  []spool.Outcome
	want groupcast.DeliveryState
	says string
	groupcast.Tally
}

// sumUps are outcomes of entries, and what they come to.
func sumUps() map[string]summed {
	const (
		someNewer              = "1 of 2 files are here in a newer version"
		verified, incomplete   = groupcast.DeliveryVerified, groupcast.DeliveryIncomplete
		alreadyHad, superseded = groupcast.DeliveryAlreadyHad, groupcast.DeliverySuperseded
	)
	of := func(k manifest.Kind) func(spool.Result) spool.Outcome {
		return func(r spool.Result) spool.Outcome {
			return spool.Outcome{Kind: k, Path: "p", Name: "q", Result: r, Reason: "because", Size: 10}
		}
	}
	file, folder, link := of(manifest.KindFile), of(manifest.KindFolder), of(manifest.KindSymlink)
	all := func(out ...spool.Outcome) []spool.Outcome { return out }
	tally := func(entries, missing, beside int) groupcast.Tally {
		return groupcast.Tally{Entries: entries, Missing: missing, Beside: beside}
	}
	return map[string]summed{
		"nothing":   {nil, verified, "", tally(0, 0, 0)},
		"all there": {all(file(spool.Committed), link(spool.Committed)), verified, "", tally(2, 0, 0)},
		"beside": {
			all(file(spool.Committed), file(spool.KeptBoth)),
			verified, "p lies beside as q: because", tally(2, 0, 1),
		},
		"a file is missing": {
			all(file(spool.Committed), file(spool.Rejected)),
			incomplete, "p: because", tally(2, 1, 0),
		},
		"a link is missing": {
			all(file(spool.Committed), link(spool.Rejected)),
			incomplete, "p: because", tally(2, 1, 0),
		},
		"a folder is missing": {
			all(file(spool.AlreadyHad), folder(spool.Rejected)),
			incomplete, "p: because", tally(2, 1, 0),
		},
		"all files are missing": {
			all(file(spool.Rejected), file(spool.Rejected)),
			incomplete, "p: because; p: because", tally(2, 2, 0),
		},
		"all links are missing": {
			all(folder(spool.Committed), link(spool.Rejected)),
			incomplete, "p: because", tally(2, 1, 0),
		},
		"had":          {all(file(spool.AlreadyHad), folder(spool.Committed)), alreadyHad, "", tally(2, 0, 0)},
		"had and sent": {all(file(spool.AlreadyHad), file(spool.Committed)), verified, "", tally(2, 0, 0)},
		"superseded":   {all(file(spool.Superseded)), superseded, "", tally(1, 0, 0)},
		"superseded and missing": {
			all(file(spool.Superseded), file(spool.Rejected)),
			incomplete, someNewer, tally(2, 1, 0),
		},
		"superseded in part": {
			all(file(spool.Superseded), file(spool.AlreadyHad)),
			verified, someNewer, tally(2, 0, 0),
		},
	}
}

// sumOf is sumUp of some outcomes.
func sumOf(t *testing.T, all []spool.Outcome) loop.Outcome {
	t.Helper()
	out, err := sumUp(func(show func(spool.Outcome)) error {
		for _, o := range all {
			show(o)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSumUp(t *testing.T) {
	for name, c := range sumUps() {
		t.Run(name, func(t *testing.T) {
			got := sumOf(t, c.all)
			said := strings.Contains(got.Reason, c.says) && (got.Reason == "") == (c.says == "")
			if got.State != c.want || got.Tally != c.Tally || !said {
				t.Errorf("%+v", got)
			}
			if len(got.Astray) != c.Missing+c.Beside {
				t.Errorf("%d entries named, %d missing and %d beside", len(got.Astray), c.Missing, c.Beside)
			}
		})
	}
}

// What is missing comes first; a reason names a few and counts the others.
func TestSumUpNamesAFew(t *testing.T) {
	var all []spool.Outcome
	for range 10 {
		all = append(all,
			spool.Outcome{Kind: manifest.KindFile, Path: "kept", Name: "k", Result: spool.KeptBoth, Reason: "edited", Size: 1},
			spool.Outcome{Kind: manifest.KindFile, Path: "gone", Result: spool.Rejected, Reason: "no such name here", Size: 100})
	}
	got := sumOf(t, all)
	if got.Bytes != 10 || got.Astray[9].Path != "gone" || got.Astray[10].Path != "kept" || got.Astray[10].Name != "k" {
		t.Errorf("%+v", got)
	}
	for _, want := range []string{"7 more are missing", "7 more lie beside"} {
		if !strings.Contains(got.Reason, want) {
			t.Errorf("%q lacks %q", got.Reason, want)
		}
	}
}

// Files that the server could not deliver are no fault of the device: they have no part in what it says of itself.
func TestVoidFilesAreCountedApart(t *testing.T) {
	all := []spool.Outcome{{Kind: manifest.KindFile, Path: "came", Result: spool.Committed, Size: 10}}
	for range 5 {
		all = append(all, spool.Outcome{
			Kind: manifest.KindFile, Path: "v", Result: spool.Void, Reason: "gone at the server", Size: 100,
		})
	}
	got := sumOf(t, all)
	if got.State != groupcast.DeliveryVerified || got.Reason != "" || got.Files != 1 || got.Bytes != 10 ||
		got.Tally != (groupcast.Tally{Entries: 6, Void: 5}) {
		t.Errorf("%+v", got)
	}
	if len(got.Void) != maxNamed || got.Void[0] != "v (gone at the server)" {
		t.Errorf("%q", got.Void)
	}
}

// What is said of a transfer when it begins to come.
func TestWhatATransferConsistsOf(t *testing.T) {
	for want, c := range map[string][2]int{
		"3 files": {5, 3}, "1 file": {1, 1}, "1 folder": {1, 0}, "2 folders": {2, 0},
		"1 file or folder": {1, -1}, "5 files and folders": {5, -1},
	} {
		if got := contentsOf(c[0], c[1]); got != want {
			t.Errorf("%d entries, %d files: %q, want %q", c[0], c[1], got, want)
		}
	}
}
