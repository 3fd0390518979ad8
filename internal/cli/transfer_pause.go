package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/units"
)

func (a *app) transferPause() *cobra.Command {
	return a.onTransfer("pause ID", "Stop sending a transfer until it is resumed; devices keep what they have of it",
		func(ctx context.Context, client *apiclient.Client, no protocol.TransferNo) error {
			t, err := client.PauseTransfer(ctx, no)
			return a.oneOf(t, err, "transfer %d is paused; %d have it, %d are owed it", uint64(t.No), t.Verified, t.Owed)
		})
}

func (a *app) transferResume() *cobra.Command {
	return a.onTransfer("resume ID", "Let a paused transfer go on with what is lacking",
		func(ctx context.Context, client *apiclient.Client, no protocol.TransferNo) error {
			t, err := client.ResumeTransfer(ctx, no)
			return a.oneOf(t, err, "transfer %d goes on; %d are owed it", uint64(t.No), t.Owed)
		})
}

func (a *app) transferRate() *cobra.Command {
	var rate string
	c := a.onTransfer("rate ID RATE", "Change the rate of a transfer at once: bits a second like 20M, or auto",
		func(ctx context.Context, client *apiclient.Client, no protocol.TransferNo) error {
			bits, err := units.ParseRate(rate)
			if err != nil {
				return err
			}
			t, err := client.ChangeTransfer(ctx, no, groupcast.TransferChange{Rate: &bits})
			if bits == 0 {
				return a.oneOf(t, err, "transfer %d is sent as fast as network and receivers allow", uint64(t.No))
			}
			return a.oneOf(t, err, "transfer %d is sent at %s at most", uint64(t.No), units.FormatRate(t.RateLimit))
		})
	run := c.RunE
	c.Args, c.Example = cobra.ExactArgs(2), "  groupcast transfer rate 12 20M\n  groupcast transfer rate 12 auto"
	c.RunE = func(c *cobra.Command, args []string) error { rate = args[1]; return run(c, args) }
	return c
}

// oneOf prints an answer, or gives the error that came instead.
func (a *app) oneOf(t groupcast.Transfer, err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	return a.One(t, format, args...)
}
