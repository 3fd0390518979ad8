package cli

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/verify"
)

func (a *app) transferProof() *cobra.Command {
	print := func(ctx context.Context, client *apiclient.Client, no protocol.TransferNo) error {
		p, err := client.TransferProof(ctx, no)
		if err != nil {
			return err
		}
		return a.PrintLine(p)
	}
	c := a.onTransfer("proof ID", "Print what each device signed of a transfer, to be checked without the server", print)
	c.Long = `Prints, as JSON, the signed offer of a transfer, what each device signed of it, the server's word which
key is whose, and who gave no receipt. Who knows the server's fingerprint checks it with "groupcast verify",
without the server, a home or a login.`
	c.Example = "  groupcast transfer proof 17 > proof.json\n  groupcast verify proof.json --trust 9f2c…64 hex digits…"
	return c
}

func (a *app) verify() *cobra.Command {
	o, trust := verify.Options{Limit: mostRows}, ""
	c := &cobra.Command{
		Use:   "verify [PROOF | DIR | DIR/GROUP]",
		Short: "Check a transfer's proof, or what lies in DIR against what was delivered", Args: cobra.MaximumNArgs(1),
		Long: `Of a file: checks the proof of a transfer ("groupcast transfer proof") against the fingerprint of the server
that you trust, and says who has the files by their own signed word, who in part, who refused and who gave
no receipt. It needs no server, home or login. Exit code 1: the proof is broken.

Of a folder, on a receiver: compares every file below DIR/GROUP with what groupcast delivered there, by its
digest (SHA-256 or BLAKE3): same, changed, missing, or not delivered by groupcast. Exit code 3: something is
not the same. It works without the server, and while "groupcast receive" runs; what comes meanwhile may be in
it or not.`,
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
				return verify.Proof(&a.Streams, a.In, trust)
			}
			if info, err := os.Stat(path); path == "" || err == nil && info.IsDir() {
				h, err := home.Find(a.home)
				if err != nil {
					return err
				}
				return verify.Folder(c.Context(), &a.Streams, h, path, o)
			}
			f, err := os.Open(path)
			if err != nil {
				return groupcast.Errorf(groupcast.EInvalid, "%s cannot be read: %v", path, errors.Unwrap(err)).
					WithHint("give a proof, or the folder that files were received in")
			}
			defer f.Close()
			return verify.Proof(&a.Streams, f, trust)
		},
	}
	c.Flags().StringVar(&trust, "trust", "", "of a proof: the `FINGERPRINT` of the server that it has to be of")
	c.Flags().StringVar(&o.Group, "group", "", "of a folder: only this `GROUP`")
	c.Flags().BoolVar(&o.Delivered, "delivered-only", false, "of a folder: do not look for what groupcast did not deliver")
	c.Flags().IntVar(&o.Limit, "limit", o.Limit, "of a folder: name so many differences; all are counted")
	return c
}
