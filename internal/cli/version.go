package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// wireVersion is that of the data plane.
const wireVersion = protocol.Version

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "The version of this program and of its protocols", Args: cobra.NoArgs,
		Example: "  groupcast version\n  groupcast version --json",
		RunE: func(*cobra.Command, []string) error {
			v := map[string]any{"version": groupcast.Version, "control": groupcast.ControlVersion, "wire": wireVersion}
			if a.JSON {
				return a.PrintJSON(v)
			}
			fmt.Fprintln(a.Out, "groupcast", versionText())
			return nil
		},
	}
}

func versionText() string {
	return fmt.Sprintf("%s (control protocol %d, data protocol %d)", groupcast.Version,
		groupcast.ControlVersion, wireVersion)
}
