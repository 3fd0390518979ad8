package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
)

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "The version of this program and of its protocols", Args: cobra.NoArgs,
		Example: "  groupcast version\n  groupcast version --json",
		RunE: func(*cobra.Command, []string) error {
			wire := groupcast.Spoken().Wire
			v := map[string]any{
				"version": groupcast.Version, "control": groupcast.ControlVersion,
				"wire": wire.Most, "wire_least": wire.Least,
			}
			if a.JSON {
				return a.PrintJSON(v)
			}
			fmt.Fprintln(a.Out, "groupcast", versionText())
			return nil
		},
	}
}

func versionText() string {
	wire := groupcast.Spoken().Wire
	return fmt.Sprintf("%s (control protocol %d, data protocols %d to %d)", groupcast.Version,
		groupcast.ControlVersion, wire.Least, wire.Most)
}
