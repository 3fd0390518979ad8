package ui

import (
	"fmt"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/proof"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/units"
)

// Proof says what a proof proves, and what it does not.
func Proof(report proof.Report) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	say("transfer %d  %s  for %s: %s, entries: %d",
		report.Transfer, Name(report.Name), Name(report.Group), Size(report.Bytes), report.Entries)
	lines = append(lines, proofContent(report)...)
	say("by the server %s, on %s", report.Fingerprint, units.Stamp(report.MadeAt))
	if report.Lost > 0 {
		more := "more were promised, and"
		if report.Paged != nil {
			more = "of its entries" // its skeleton has them, too
		}
		say("%d %s changed, went or could not be read at the server before all had them", report.Lost, more)
	}
	rows := make([][]string, len(report.Devices))
	for i, d := range report.Devices {
		rows[i] = proofRow(d)
	}
	lines = append(lines, Table("USER|DEVICE|VERDICT|PATH|SIGNED|WHY", rows)...)
	say("%d verified, %d in part, %d failed, %d refused, %d without a receipt",
		report.Verified, report.Partly, report.Failed, report.Refused, report.Missing)
	means := proofMeans
	if report.Paged != nil {
		means = pagedProofMeans
	}
	return append(lines, strings.Split(strings.TrimSuffix(means+proofMeansNot, "\n"), "\n")...)
}

// proofContent says by which digests the content is known.
func proofContent(report proof.Report) []string {
	p := report.Paged
	switch {
	case p == nil && report.Named:
		return []string{fmt.Sprintf("manifest %s; its names and digests are in the proof", report.Manifest)}
	case p == nil:
		return []string{fmt.Sprintf("manifest %s", report.Manifest)}
	}
	tree := fmt.Sprintf("skeleton %s, edition %d; its names are not in the proof", p.Skeleton, p.Edition)
	if p.Root == (protocol.Digest{}) {
		return []string{tree, "its final page is not signed yet, or not in the proof: no receipt says that all is verified"}
	}
	return []string{tree, fmt.Sprintf("final page %s", p.Root)}
}

// What a proof proves, and what it does not.
const (
	proofMeans = `
It proves: this server offered this manifest to this group; it knew these devices by these keys; and each
receipt was signed with its device's key, for this transfer, as it is shown.
`
	pagedProofMeans = `
It proves: this server offered these names and sizes (the skeleton) to this group and signed the digests of their
content, which the final page ends; it knew these devices by these keys; and each receipt was signed with its device's
key, for this skeleton and that page, as it is shown. Void files are those that the server could not deliver.
`
	proofMeansNot = `It does not prove: that a device has the files, or ever had them (a receipt is a device's word), what
became of them since, or whose word it is in the world: which user a device belongs to, names, times, and
that the others gave no receipt are the server's word.
`
)

func voidFiles(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d void", n)
}

func proofRow(d proof.Device) []string {
	device := d.Name
	if device == "" {
		device = "no device yet"
	}
	result := string(d.Result)
	switch {
	case d.Result == proof.Partly:
		result = "in part"
		if t := d.Tally; t.Entries > 0 && t.Missing+t.Void > 0 {
			result = fmt.Sprintf("in part (%d of %d%s)", t.Entries-t.Missing-t.Void, t.Entries, voidFiles(t.Void))
		}
	case d.Result == proof.Missing:
		result = "no receipt (" + string(d.Outcome) + ")"
	case d.Result == proof.Verified && d.Outcome != groupcast.DeliveryVerified:
		result += " (" + string(d.Outcome) + ")"
	}
	if d.Earlier {
		result += ", of the files as they were before"
	}
	return []string{d.User, device, result, string(d.Path), Signed(d.Covers), d.Reason}
}
