package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/proof"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
)

func (a *app) transferProof() *cobra.Command {
	print := func(ctx context.Context, client *apiclient.Client, no protocol.TransferNo) error {
		p, err := client.TransferProof(ctx, no)
		if err != nil {
			return err
		}
		return a.PrintLine(p)
	}
	c := a.onTransfer("proof ID", "What shows to others, without the server, what became of a transfer", print)
	c.Long = `Prints, as JSON, the signed offer of a transfer, what each device signed of it, the server's word which
key is whose, and who gave no receipt. Who knows the server's fingerprint checks it with "groupcast verify",
without the server, a home or a login.`
	c.Example = "  groupcast transfer proof 17 > proof.json\n  groupcast verify proof.json --trust 9f2c…64 hex digits…"
	return c
}

// verifyOptions are the flags of `verify`.
type verifyOptions struct {
	trust, group string
	limit        int
	delivered    bool
}

func (a *app) verify() *cobra.Command {
	o := verifyOptions{limit: mostRows}
	c := &cobra.Command{
		Use:   "verify [PROOF | DIR | DIR/GROUP]",
		Short: "Check a transfer's proof, or what lies in DIR against what was delivered", Args: cobra.MaximumNArgs(1),
		Long: `Of a file: checks the proof of a transfer ("groupcast transfer proof") against the fingerprint of the server
that you trust, and says who has the files by their own signed word, who in part, who refused and who gave
no receipt. It needs no server, home or login. Exit code 1: the proof is broken.

Of a folder, on a receiver: compares every file below DIR/GROUP with what groupcast delivered there, by its
SHA-256: same, changed, missing, or not delivered by groupcast. Exit code 3: something is not the same. It
works without the server, and while "groupcast receive" runs; what comes meanwhile may be in it or not.`,
		Example: `  groupcast verify proof.json --trust 9f2c…64 hex digits…
  groupcast verify - --trust 9f2c…64 hex digits… --json < proof.json
  groupcast verify
  groupcast verify /srv/lab
  groupcast verify /srv/lab --group lab-a --delivered-only --json`,
		RunE: func(c *cobra.Command, args []string) error {
			path := ""
			if len(args) > 0 {
				path = args[0]
			}
			if path == "-" {
				return a.verifyProof(a.In, o.trust)
			}
			if info, err := os.Stat(path); path == "" || err == nil && info.IsDir() {
				return a.verifyDir(c.Context(), path, o)
			}
			f, err := os.Open(path)
			if err != nil {
				return groupcast.Errorf(groupcast.EInvalid, "%s cannot be read: %v", path, errors.Unwrap(err)).
					WithHint("give a proof, or the folder that files were received in")
			}
			defer f.Close()
			return a.verifyProof(f, o.trust)
		},
	}
	c.Flags().StringVar(&o.trust, "trust", "", "of a proof: the fingerprint of the server that it has to be of")
	c.Flags().StringVar(&o.group, "group", "", "of a folder: only this group")
	c.Flags().BoolVar(&o.delivered, "delivered-only", false, "of a folder: do not look for what groupcast did not deliver")
	c.Flags().IntVar(&o.limit, "limit", o.limit, "of a folder: name so many differences; all are counted")
	return c
}

func (a *app) verifyProof(r io.Reader, trust string) error {
	if trust == "" {
		return usageError{errors.New("a proof needs --trust FINGERPRINT: the server's, as `groupcast serve` prints it")}
	}
	id, err := pki.ParseFingerprint(trust)
	if err != nil {
		return usageError{err}
	}
	p, err := proof.Parse(r)
	if err != nil {
		return err
	}
	report, err := proof.Verify(p, id)
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(report)
	}
	fmt.Fprintf(a.Out, "transfer %d  %s  for %s: %s, entries: %d\n",
		report.Transfer, ui.Name(report.Name), ui.Name(report.Group), ui.Size(report.Bytes), report.Entries)
	fmt.Fprintf(a.Out, "manifest %s%s\n",
		report.Manifest, yes(report.Named, "; its names and digests are in the proof", ""))
	fmt.Fprintf(a.Out, "by the server %s, on %s\n", report.Fingerprint, report.MadeAt.Local().Format(time.DateTime))
	if report.Lost > 0 {
		fmt.Fprintf(a.Out, "%d more were promised, and changed or went at the server before all had them\n", report.Lost)
	}
	rows := make([][]string, len(report.Devices))
	for i, d := range report.Devices {
		rows[i] = proofRow(d)
	}
	for _, line := range ui.Table("USER|DEVICE|VERDICT|PATH|SIGNED|WHY", rows) {
		fmt.Fprintln(a.Out, line)
	}
	fmt.Fprintf(a.Out, "%d verified, %d in part, %d failed, %d refused, %d without a receipt\n",
		report.Verified, report.Partly, report.Failed, report.Refused, report.Missing)
	fmt.Fprint(a.Out, proofMeans)
	return nil
}

// proofMeans says what a proof proves, and what it does not.
const proofMeans = `
It proves: this server offered this manifest to this group; it knew these devices by these keys; and each
receipt was signed with its device's key, for this transfer, as it is shown.
It does not prove: that a device has the files, or ever had them (a receipt is a device's word), what
became of them since, or whose word it is in the world: which user a device belongs to, names, times, and
that the others gave no receipt are the server's word.
`

func proofRow(d proof.Device) []string {
	device := d.Name
	if device == "" {
		device = "no device yet"
	}
	verdict := string(d.Verdict)
	switch {
	case d.Verdict == proof.Partly:
		verdict = "in part"
		if t := d.Tally; t.Entries > 0 && t.Missing > 0 {
			verdict = fmt.Sprintf("in part (%d of %d)", t.Entries-t.Missing, t.Entries)
		}
	case d.Verdict == proof.Missing:
		verdict = "no receipt (" + string(d.Outcome) + ")"
	case d.Verdict == proof.Verified && d.Outcome != groupcast.DeliveryVerified:
		verdict += " (" + string(d.Outcome) + ")"
	}
	if d.Earlier {
		verdict += ", of the files as they were before"
	}
	return []string{d.User, device, verdict, string(d.Path), ui.Signed(d.Covers), d.Reason}
}
