package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast/internal/complete"
)

// completes gives every command below c the completion of its arguments, by the words that its usage
// line has for them.
func (a *app) completes(c *cobra.Command) {
	words := strings.Fields(c.Use)[1:]
	if len(words) > 0 && c.ValidArgsFunction == nil && c.Runnable() {
		c.ValidArgsFunction = a.completion(c, words)
	}
	for _, sub := range c.Commands() {
		a.completes(sub)
	}
}

func (a *app) completion(c *cobra.Command, words []string) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		at := len(args)
		if last := words[len(words)-1]; at >= len(words) && strings.Contains(last, "...") {
			at = len(words) - 1
		}
		if at >= len(words) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		word := strings.Trim(strings.TrimSuffix(words[at], "..."), "[]")
		switch word {
		case "PATH", "FILE", "PROOF":
			return nil, cobra.ShellCompDirectiveDefault
		case "ROLE":
			return []string{"admin", "member"}, cobra.ShellCompDirectiveNoFileComp
		}
		return a.namesOf(c, complete.Kinds(c.Parent().Name(), c.Name(), word), typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// namesOf asks for the names that begin as typed. Whatever fails leaves them out.
func (a *app) namesOf(c *cobra.Command, kinds []complete.Kind, typed string) []string {
	if len(kinds) == 0 || a.settle(c) != nil {
		return nil
	}
	client, err := a.machine().Admin()
	if c.GroupID == "receiver" {
		client, err = a.machine().Own()
	}
	if err != nil {
		return nil
	}
	defer client.Close()
	ctx := c.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	return complete.Names(ctx, client, kinds, typed)
}

// completesFlags gives flags of these names the same completion wherever they are.
func (a *app) completesFlags(c *cobra.Command) {
	for flag, kind := range map[string]complete.Kind{
		"to": complete.Groups, "user": complete.Users, "group": complete.Groups, "entries": complete.Devices,
		"label": complete.Labels, "only": complete.Terms, "except": complete.Terms, "transfer": complete.Transfers,
	} {
		if c.LocalNonPersistentFlags().Lookup(flag) != nil && c.Name() != "login" {
			offer := func(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
				return a.namesOf(c, []complete.Kind{kind}, typed), cobra.ShellCompDirectiveNoFileComp
			}
			_ = c.RegisterFlagCompletionFunc(flag, offer) // it fails for a flag that is not there only
		}
	}
	for _, sub := range c.Commands() {
		a.completesFlags(sub)
	}
}
