package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast/internal/demo"
)

func (a *app) demo() *cobra.Command {
	var loss float64
	c := &cobra.Command{
		Use:     "demo",
		Example: "  groupcast demo\n  groupcast demo --loss 20",
		Short:   "A server and four receivers with packet loss on this machine, to the verified end",
		Args:    cobra.NoArgs,
		Long: `Runs a server and four receivers on this machine over real sockets on loopback, with packet loss
injected at each receiver, and walks the whole workflow: group, accounts, log in, ask, approve, add
pending files, send, verify. Everything lies in a temporary folder that is removed at the end.`,
		RunE: func(c *cobra.Command, _ []string) error {
			out, err := demo.Run(c.Context(), loss, func(line string) {
				if !a.JSON {
					fmt.Fprintln(a.Out, line)
				}
			})
			if err != nil || !a.JSON {
				return err
			}
			return a.PrintJSON(out)
		},
	}
	c.Flags().Float64Var(&loss, "loss", 5, "percent of packets that each receiver loses")
	return c
}
