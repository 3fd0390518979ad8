package cli

import (
	"cmp"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/settings"
	"github.com/groupcast/groupcast/internal/shell"
)

// configName is the file with settings in a home.
const configName = "config.toml"

// settle gives flags that were not typed their values from the environment and the file.
func (a *app) settle(c *cobra.Command) error {
	from := settings.Source{Env: os.LookupEnv, Path: cmp.Or(a.config, os.Getenv("GROUPCAST_CONFIG"))}
	if from.Must = from.Path != ""; !from.Must {
		if h, err := home.Find(a.home); err == nil { // a home that cannot be used is said by who needs it
			from.Path = filepath.Join(h.Path(), configName)
		}
	}
	if err := from.Fill(c); err != nil {
		return shell.Misused(err)
	}
	return nil
}
