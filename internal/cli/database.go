package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast/internal/daemon"
)

func (a *app) databaseCommand() *cobra.Command {
	c := &cobra.Command{Use: "database", Short: "Where the server's state is: copy it between a file and PostgreSQL"}
	c.AddCommand(a.databaseCopy())
	return c
}

func (a *app) databaseCopy() *cobra.Command {
	return &cobra.Command{
		Use: "copy FROM TO", Short: "Copy a server's state into an empty database", Args: cobra.ExactArgs(2),
		Long: `Runs on the server's machine while the server is stopped. One of the two is a file: the home's
db.sqlite, or one out of a backup. The other one is a PostgreSQL database, written like
postgres://USER@HOST:5432/DATABASE, with the password in the file that PGPASSFILE names. All of
it is copied or nothing; it is read back and compared before that is final. FROM stays as it is.`,
		Example: "  groupcast database copy ~/.groupcast/server/db.sqlite postgres://groupcast@db.example.org/groupcast\n" +
			"  groupcast serve --database postgres://groupcast@db.example.org/groupcast",
		RunE: func(c *cobra.Command, args []string) error {
			h, err := a.machine().OpenHome()
			if err != nil {
				return err
			}
			copied, err := daemon.CopyDatabase(c.Context(), h, args[0], args[1])
			if err != nil {
				return err
			}
			return a.One(map[string]any{"tables": copied.Tables, "texts_changed": copied.Texts}, "%s", copiedText(copied))
		},
	}
}

func copiedText(c daemon.Copied) string {
	rows := 0
	for _, t := range c.Tables {
		rows += t.Rows
	}
	out := fmt.Sprintf("copied and compared: %d rows of %d tables", rows, len(c.Tables))
	if c.Texts > 0 {
		out += fmt.Sprintf("\n%d texts had characters that PostgreSQL does not take; they are replaced there", c.Texts)
	}
	return out
}
