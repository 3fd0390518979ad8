package agent

import (
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/spool"
)

func TestSumUp(t *testing.T) {
	const file, folder, link = manifest.KindFile, manifest.KindFolder, manifest.KindSymlink
	one := func(k manifest.Kind, r spool.Result) spool.Outcome {
		return spool.Outcome{Kind: k, Path: "p", Name: "q", Result: r, Reason: "because", Size: 10}
	}
	for name, c := range map[string]struct {
		all  []spool.Outcome
		want groupcast.DeliveryState
		says string
		groupcast.Tally
	}{
		"nothing": {
			nil,
			groupcast.DeliveryVerified, "", groupcast.Tally{},
		},
		"all there": {
			[]spool.Outcome{one(file, spool.Committed), one(link, spool.Committed)},
			groupcast.DeliveryVerified, "", groupcast.Tally{Entries: 2},
		},
		"beside": {
			[]spool.Outcome{one(file, spool.Committed), one(file, spool.KeptBoth)},
			groupcast.DeliveryVerified, "p lies beside as q: because", groupcast.Tally{Entries: 2, Beside: 1},
		},
		"a file is missing": {
			[]spool.Outcome{one(file, spool.Committed), one(file, spool.Rejected)},
			groupcast.DeliveryIncomplete, "p: because", groupcast.Tally{Entries: 2, Missing: 1},
		},
		"a link is missing": {
			[]spool.Outcome{one(file, spool.Committed), one(link, spool.Rejected)},
			groupcast.DeliveryIncomplete, "p: because", groupcast.Tally{Entries: 2, Missing: 1},
		},
		"a folder is missing": {
			[]spool.Outcome{one(file, spool.AlreadyHad), one(folder, spool.Rejected)},
			groupcast.DeliveryIncomplete, "p: because", groupcast.Tally{Entries: 2, Missing: 1},
		},
		"all files are missing": {
			[]spool.Outcome{one(file, spool.Rejected), one(file, spool.Rejected)},
			groupcast.DeliveryIncomplete, "p: because; p: because", groupcast.Tally{Entries: 2, Missing: 2},
		},
		"all links are missing": {
			[]spool.Outcome{one(folder, spool.Committed), one(link, spool.Rejected)},
			groupcast.DeliveryIncomplete, "p: because", groupcast.Tally{Entries: 2, Missing: 1},
		},
		"had": {
			[]spool.Outcome{one(file, spool.AlreadyHad), one(folder, spool.Committed)},
			groupcast.DeliveryAlreadyHad, "", groupcast.Tally{Entries: 2},
		},
		"had and sent": {
			[]spool.Outcome{one(file, spool.AlreadyHad), one(file, spool.Committed)},
			groupcast.DeliveryVerified, "", groupcast.Tally{Entries: 2},
		},
		"superseded": {
			[]spool.Outcome{one(file, spool.Superseded)},
			groupcast.DeliverySuperseded, "", groupcast.Tally{Entries: 1},
		},
		"superseded and missing": {
			[]spool.Outcome{one(file, spool.Superseded), one(file, spool.Rejected)},
			groupcast.DeliveryIncomplete, "1 of 2 files are here in a newer version", groupcast.Tally{Entries: 2, Missing: 1},
		},
		"superseded in part": {
			[]spool.Outcome{one(file, spool.Superseded), one(file, spool.AlreadyHad)},
			groupcast.DeliveryVerified, "1 of 2 files are here in a newer version", groupcast.Tally{Entries: 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := sumUp(c.all)
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
		all = append(all, spool.Outcome{Kind: manifest.KindFile, Path: "kept", Name: "k", Result: spool.KeptBoth, Reason: "edited", Size: 1},
			spool.Outcome{Kind: manifest.KindFile, Path: "gone", Result: spool.Rejected, Reason: "no such name here", Size: 100})
	}
	got := sumUp(all)
	if got.Bytes != 10 || got.Astray[9].Path != "gone" || got.Astray[10].Path != "kept" || got.Astray[10].Name != "k" {
		t.Errorf("%+v", got)
	}
	for _, want := range []string{"7 more are missing", "7 more lie beside"} {
		if !strings.Contains(got.Reason, want) {
			t.Errorf("%q lacks %q", got.Reason, want)
		}
	}
}
