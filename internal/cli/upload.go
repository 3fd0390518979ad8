package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

// uploadCommand is about uploads that no transfer was made of yet.
func (a *app) uploadCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "upload", Short: "Uploads that were not finished: list, delete",
		Long: `An upload that broke off stays at the server for a day after its last byte: the same send
command goes on where it stopped. Until then it takes room there.`,
	}
	c.AddCommand(a.uploadList(), a.uploadDelete())
	return c
}

func (a *app) uploadList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List uploads that no transfer was made of yet, the newest first", Args: cobra.NoArgs,
		Example: "  groupcast upload list\n  groupcast send lab-a image.iso --resume ID      # go on with one of them",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			all, err := client.UnfinishedUploads(c.Context())
			if err != nil {
				return err
			}
			return terminal.List(&a.Streams, all, "no uploads are unfinished", "ID|NAME|FILES|HERE|OF|BY|LAST BYTE|KEPT UNTIL",
				func(u groupcast.UnfinishedUpload) []string {
					return []string{
						u.ID, u.Name, fmt.Sprint(u.Files), ui.Size(u.Held), ui.Size(u.Bytes), u.By, ui.Ago(u.UpdatedAt),
						units.Minute(u.ExpiresAt),
					}
				})
		}),
	}
}

func (a *app) uploadDelete() *cobra.Command {
	return shell.AsksFirst(&cobra.Command{
		Use:     "delete ID...",
		Aliases: []string{"remove"},
		Short:   "Delete unfinished uploads and what came of them",
		Args:    cobra.MinimumNArgs(1),
		Example: "  groupcast upload delete 4qk2v7",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			if err := a.sure(c, "This deletes upload %s and what came of it", strings.Join(args, ", ")); err != nil {
				return err
			}
			for _, id := range args {
				if err := client.DeleteUpload(c.Context(), id); err != nil {
					return err
				}
				if err := a.One(map[string]string{"deleted": id}, "upload %s deleted", id); err != nil {
					return err
				}
			}
			return nil
		}),
	})
}
