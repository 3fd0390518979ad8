package ui

import (
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/proof"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestWhatAProofIsSaidToProve(t *testing.T) {
	device := proof.Device{
		Name: "pc", User: "ann", Result: proof.Partly, Outcome: groupcast.DeliveryVerified, Covers: groupcast.SignedAll,
		Tally: groupcast.Tally{Entries: 9, Missing: 1, Void: 2},
	}
	plain := proof.Report{Manifest: protocol.Digest{0xaa}, Devices: []proof.Device{device}}
	paged := proof.Report{
		Paged:   &proof.Paged{Skeleton: protocol.Digest{0xbb}, Edition: 2, Root: protocol.Digest{0xcc}},
		Devices: []proof.Device{device}, Lost: 2,
	}
	unfinished := proof.Report{Paged: &proof.Paged{Skeleton: protocol.Digest{0xbb}, Edition: 2}}
	for name, c := range map[string]struct {
		report    proof.Report
		says, not []string
	}{
		"of format 1": {plain, []string{"manifest aa", "offered this manifest"}, []string{"skeleton", "names and digests"}},
		"of pages": {
			paged,
			[]string{"skeleton bb", "edition 2", "final page cc", "in part (6 of 9, 2 void)", "2 of its entries changed"},
			[]string{"manifest"},
		},
		"before the final page": {unfinished, []string{"its final page is not signed yet"}, []string{"final page 00"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Join(Proof(c.report), "\n")
			for _, want := range append(c.says, "It does not prove") {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in\n%s", want, text)
				}
			}
			for _, not := range c.not {
				if strings.Contains(text, not) {
					t.Errorf("%q is in\n%s", not, text)
				}
			}
		})
	}
}
