// Command man writes the manual pages of groupcast, one for each command, from the same texts as its
// help. It is not part of the program: go run ./cmd/man FOLDER.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: man FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

// write writes the pages into a folder, which is made if need be.
func write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	root := cli.Commands()
	literal(root)
	return doc.GenManTree(root, &doc.GenManHeader{
		Title: "GROUPCAST", Section: "1", Source: "groupcast " + groupcast.Version, Manual: "groupcast",
	}, folder)
}

// literal keeps what a manual page would take for markup as it was written.
func literal(c *cobra.Command) {
	c.DisableAutoGenTag = true // without the day that it was made: the same texts give the same pages
	c.Long = strings.NewReplacer("<", `\<`, "*", `\*`, "_", `\_`).Replace(c.Long)
	for _, sub := range c.Commands() {
		literal(sub)
	}
}
