package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

func (a *app) group() *cobra.Command {
	c := &cobra.Command{Use: "group", Short: "Groups: create, set, list, show, seats, keys, delete"}
	c.AddCommand(a.groupCreate(), a.groupSet(), a.groupList(), a.groupShow(), a.groupSeats(), a.groupKeys(),
		a.groupDelete())
	return c
}

func (a *app) groupCreate() *cobra.Command {
	var n groupcast.NewGroup
	c := &cobra.Command{
		Use: "create NAME...", Short: "Make groups", Args: cobra.MinimumNArgs(1),
		Example: "  groupcast group create lab-a\n" +
			"  groupcast group create lab-b --address 239.192.7.9 --description \"Room B, 30 PCs\"",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			if n.Address != "" && len(args) > 1 {
				return shell.Misused(errors.New("an address is for one group: make the others without --address"))
			}
			return shell.Each(args, func(name string) error {
				n.Name = name
				g, err := client.CreateGroup(c.Context(), n)
				if err != nil {
					return err
				}
				if w := ui.AddressWarning(g); w != "" {
					a.warn(w)
				}
				return a.One(g, "group %s created at %s", g.Name, g.Address.String())
			})
		}),
	}
	c.Flags().StringVar(&n.Address, "address", "",
		"multicast `IP` or IP:PORT (default: one is picked from 239.192.0.0/14)")
	c.Flags().StringVar(&n.Description, "description", "", "`WORDS` on what the group is for")
	c.Flags().BoolVar(&n.Unlisted, "unlisted", false, "do not show it to users who are not in it")
	c.Flags().StringVar((*string)(&n.NewDevices), newDevicesFlag, string(groupcast.NewDevicesAllow), newDevicesHelp)
	return c
}

const (
	newDevicesFlag = "new-devices"
	newDevicesHelp = "what becomes of a device that a member adds: allow, or approve (it waits in `request list`)"
)

func (a *app) groupSet() *cobra.Command {
	var n groupcast.NewDevices
	c := &cobra.Command{
		Use: "set NAME", Short: "Change what becomes of new devices of members", Args: cobra.ExactArgs(1),
		Example: "  groupcast group set lab-a --new-devices approve\n" +
			"  groupcast request list\n" +
			"  groupcast request approve lab-a ann/pc-09",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			if n == "" {
				return shell.Misused(errors.New("say what is to change: --new-devices allow, or approve"))
			}
			g, err := client.UpdateGroup(c.Context(), args[0], groupcast.GroupChange{NewDevices: &n})
			if err != nil {
				return err
			}
			return a.One(g, "group %s: %s", g.Name, newDevicesText(g))
		}),
	}
	c.Flags().StringVar((*string)(&n), newDevicesFlag, "", newDevicesHelp)
	return c
}

func newDevicesText(g groupcast.Group) string {
	return yes(g.NewDevices == groupcast.NewDevicesApprove,
		"a new device of a member gets nothing until it is approved; those that members have now stay",
		"a new device of a member gets what members get, at once")
}

func (a *app) groupList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the groups", Args: cobra.NoArgs,
		Example: "  groupcast group list\n  groupcast group list --json",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			groups, err := client.Groups(c.Context())
			if err != nil {
				return err
			}
			return terminal.List(&a.Streams, groups, "no groups yet: groupcast group create NAME",
				"GROUP|ADDRESS|MEMBERS|ACTIVE|PENDING|DESCRIPTION", func(g groupcast.Group) []string {
					return []string{
						g.Name, g.Address.String(), fmt.Sprint(g.Members), fmt.Sprint(g.Active), fmt.Sprint(g.Pending), g.Description,
					}
				})
		}),
	}
}

func (a *app) groupShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "A group, its members and what it is owed", Args: cobra.ExactArgs(1),
		Example: "  groupcast group show lab-a",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			g, err := client.Group(c.Context(), args[0])
			if err != nil {
				return err
			}
			members, err := client.Members(c.Context(), args[0])
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(struct {
					groupcast.Group
					MemberList []groupcast.Member `json:"member_list"`
				}{g, members})
			}
			fmt.Fprintf(a.Out, "%s  %s  %s\n%s, %d devices active, %s pending, made %s\n", ui.Name(g.Name), g.Address,
				ui.Name(g.Description), ui.Plural(g.Members, "member"), g.Active, ui.Plural(g.Pending, "transfer"),
				ui.Ago(g.CreatedAt))
			if w := ui.AddressWarning(g); w != "" {
				fmt.Fprintln(a.Out, "warning:", w)
			}
			if g.NewDevices == groupcast.NewDevicesApprove {
				fmt.Fprintln(a.Out, newDevicesText(g))
			}
			return a.listMembers(members)
		}),
	}
}

func (a *app) groupDelete() *cobra.Command {
	return shell.AsksFirst(&cobra.Command{
		Use:     "delete NAME...",
		Aliases: []string{"remove"},
		Short:   "Delete groups; what they are still owed is cancelled",
		Args:    cobra.MinimumNArgs(1),
		Example: "  groupcast group delete lab-a\n  groupcast group delete lab-a lab-b --yes",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			var lost []string
			for _, name := range args {
				g, err := client.Group(c.Context(), name)
				if err != nil {
					return err
				}
				lost = append(lost, fmt.Sprintf("%s (%s, %s pending)", g.Name, ui.Plural(g.Members, "member"),
					ui.Plural(g.Pending, "transfer")))
			}
			if err := a.sure(c, "This deletes the group %s; what is pending is cancelled",
				strings.Join(lost, ", ")); err != nil {
				return err
			}
			return shell.Each(args, func(name string) error {
				if err := client.DeleteGroup(c.Context(), name); err != nil {
					return err
				}
				return a.One(map[string]string{"deleted": name}, "group %s deleted", name)
			})
		}),
	})
}

func (a *app) member() *cobra.Command {
	c := &cobra.Command{Use: "member", Short: "Members of a group: add, remove, list"}
	c.AddCommand(
		&cobra.Command{
			Use: "add GROUP USER...", Short: "Make users members", Args: cobra.MinimumNArgs(2),
			Example: "  groupcast member add lab-a alice\n  groupcast member add lab-a alice bob carol",
			RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
				return shell.Each(args[1:], func(user string) error {
					m, err := client.AddMember(c.Context(), args[0], user)
					if err != nil {
						return err
					}
					return a.One(m, "%s is a member of %s", m.User, m.Group)
				})
			}),
		},
		shell.AsksFirst(&cobra.Command{
			Use:     "remove GROUP USER...",
			Short:   "Remove members: nothing more is encrypted for them from the moment this answers",
			Args:    cobra.MinimumNArgs(2),
			Example: "  groupcast member remove lab-a alice\n  groupcast member remove lab-a alice bob --yes",
			RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
				if err := a.sure(c, "This removes %s from %s: nothing more of the group is for them, and what they are still owed "+
					"of it is cancelled", strings.Join(args[1:], ", "), args[0]); err != nil {
					return err
				}
				return shell.Each(args[1:], func(user string) error {
					if err := client.RemoveMember(c.Context(), args[0], user); err != nil {
						return err
					}
					return a.One(map[string]string{"group": args[0], "removed": user}, "%s is no longer a member of %s", user,
						args[0])
				})
			}),
		}),
		&cobra.Command{
			Use: "list GROUP", Short: "List the members", Args: cobra.ExactArgs(1),
			Example: "  groupcast member list lab-a",
			RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
				members, err := client.Members(c.Context(), args[0])
				if err != nil {
					return err
				}
				return a.listMembers(members)
			}),
		},
	)
	return c
}

func (a *app) listMembers(members []groupcast.Member) error {
	return terminal.List(
		&a.Streams,
		members,
		"no members yet",
		"MEMBER|DEVICES|ACTIVE|SINCE",
		func(m groupcast.Member) []string {
			return []string{m.User, fmt.Sprint(m.Devices), fmt.Sprint(m.Active), ui.Ago(m.Since)}
		},
	)
}

func (a *app) request() *cobra.Command {
	c := &cobra.Command{Use: "request", Short: "Requests of users to join, and of new devices: list, approve, deny"}
	var all bool
	l := &cobra.Command{
		Use: "list", Short: "List the requests that wait: of users to join, and of members' new devices", Args: cobra.NoArgs,
		Example: "  groupcast request list\n  groupcast request list --all",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, _ []string) error {
			state := groupcast.RequestOpen
			if all {
				state = ""
			}
			requests, err := client.Requests(c.Context(), state)
			if err != nil {
				return err
			}
			return terminal.List(&a.Streams, requests, "nobody is waiting", "GROUP|WHO|STATE|ASKED|TEXT",
				func(r groupcast.JoinRequest) []string {
					return []string{r.Group, r.Who(), string(r.State), ui.Ago(r.AskedAt), ui.Asks(r)}
				},
			)
		}),
	}
	l.Flags().BoolVar(&all, "all", false, "decided ones too")
	decide := func(verb, done, ofDevice string,
		do func(*apiclient.Client, *cobra.Command, string, string) (groupcast.JoinRequest, error),
	) *cobra.Command {
		return &cobra.Command{
			Use: verb + " GROUP USER[/DEVICE]", Args: cobra.ExactArgs(2),
			Example: "  groupcast request " + verb + " lab-a alice\n  groupcast request " + verb + " lab-a alice/pc-09",
			Short: yes(
				verb == "approve",
				"Approve a user's request to join, or a new device",
				"Deny a user's request to join, or a new device",
			),
			RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
				r, err := do(client, c, args[0], args[1])
				if err != nil {
					return err
				}
				if r.Device != "" {
					return a.One(r, "%s: device %s "+ofDevice, r.Group, r.Who())
				}
				return a.One(r, "%s: %s "+done, r.Group, r.User)
			}),
		}
	}
	c.AddCommand(l,
		decide("approve", "is a member now", "gets what members get from now on",
			func(client *apiclient.Client, c *cobra.Command, g, u string) (groupcast.JoinRequest, error) {
				return client.Approve(c.Context(), g, u)
			}),
		decide("deny", "was turned down", "gets nothing of the group",
			func(client *apiclient.Client, c *cobra.Command, g, u string) (groupcast.JoinRequest, error) {
				return client.Deny(c.Context(), g, u)
			}))
	return c
}
