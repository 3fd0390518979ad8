// Command groupcast sends files to groups of machines.
package main

import (
	"os"

	"github.com/groupcast/groupcast/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
