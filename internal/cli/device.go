package cli

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

func (a *app) deviceCommand() *cobra.Command {
	c := &cobra.Command{Use: "device", Short: "Devices (logins of users on machines): list, label, drop, revoke"}
	c.AddCommand(a.deviceList(), a.deviceLabel(), a.deviceDrop(), a.deviceRevoke())
	return c
}

func (a *app) deviceList() *cobra.Command {
	var f groupcast.DeviceFilter
	c := &cobra.Command{
		Use: "list [USER]", Short: "List devices", Args: cobra.MaximumNArgs(1),
		Example: "  groupcast device list\n  groupcast device list alice --json\n  groupcast device list --label room=2",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			if len(args) > 0 {
				f.User = args[0]
			}
			return a.listDevices(c, client, f)
		}),
	}
	c.Flags().StringArrayVar(&f.Labels, "label", nil,
		"only those with a label `KEY=VALUE`; repeatable: of the same key one is enough, and each key needs one")
	return c
}

func (a *app) deviceRevoke() *cobra.Command {
	return shell.AsksFirst(&cobra.Command{
		Use: "revoke DEVICE...", Short: "End devices for good (a lost or stolen machine)", Args: cobra.MinimumNArgs(1),
		Long: `A device is named as USER/DEVICE, by its own name if no other has it, or by its ID.`,
		Example: "  groupcast device revoke alice/pc-03\n" +
			"  groupcast device revoke pc-03 pc-04 --yes",
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			found, names, err := namedDevices(c, client, args)
			if err != nil {
				return err
			}
			if err := a.sure(c, "This ends %s for good: it gets nothing more, and what it is owed is cancelled",
				strings.Join(names, ", ")); err != nil {
				return err
			}
			for i, d := range found {
				if err := client.RevokeDevice(c.Context(), d.ID); err != nil {
					return err
				}
				if err := a.One(map[string]string{"revoked": d.ID.String(), "device": names[i]}, "device %s revoked",
					names[i]); err != nil {
					return err
				}
			}
			return nil
		}),
	})
}

// namedDevices finds devices by what they are called, and gives their names in full.
func namedDevices(c *cobra.Command, client *apiclient.Client, which []string) (found []groupcast.Device,
	names []string, err error,
) {
	all, err := client.Devices(c.Context(), "")
	if err != nil {
		return nil, nil, err
	}
	for _, one := range which {
		d, err := namedDevice(all, one)
		if err != nil {
			return nil, nil, err
		}
		found, names = append(found, d), append(names, d.User+"/"+d.Name)
	}
	return found, names, nil
}

// namedDevice finds a device by USER/DEVICE, by its name if only one has it, or by its ID.
func namedDevice(all []groupcast.Device, which string) (groupcast.Device, error) {
	return named(all, which, "there is no device %q",
		"`groupcast device list` shows them; write USER/DEVICE",
		func(d groupcast.Device) (user, name, id string) { return d.User, d.Name, d.ID.String() })
}

// named finds what is meant by USER/DEVICE, by the name of a device if only one has it, or by an ID.
func named[T any](all []T, which, none, hint string, of func(T) (user, name, id string)) (found T, err error) {
	wantUser, wantName, both := strings.Cut(which, "/")
	matches := 0
	var users []string
	for _, one := range all {
		user, name, id := of(one)
		switch {
		case name == "": // a member without a device
		case both && user == wantUser && name == wantName, id == which:
			return one, nil
		case !both && name == which:
			found, matches, users = one, matches+1, append(users, user)
		}
	}
	switch {
	case matches == 0:
		return found, groupcast.Errorf(groupcast.ENotFound, none, which).WithHint("%s", hint)
	case matches > 1:
		return found, groupcast.Errorf(groupcast.EInvalid, "%d devices are called %q", matches, which).
			WithHint("write USER/DEVICE, for example %s/%s", users[0], which)
	}
	return found, nil
}

func (a *app) listDevices(c *cobra.Command, client *apiclient.Client, f groupcast.DeviceFilter) error {
	devices, err := client.FilteredDevices(c.Context(), f)
	if err != nil {
		return err
	}
	empty := "no devices: on a receiver, run `groupcast login`"
	if len(f.Labels) > 0 {
		empty = "no device has " + strings.Join(f.Labels, " ")
	}
	if !slices.ContainsFunc(devices, func(d groupcast.Device) bool { return d.Site != "" }) {
		return terminal.List(&a.Streams, devices, empty,
			"DEVICE|USER|STATE|PATH|LOSS|FREE|VERSION|LABELS|LOGIN ENDS|ID", ui.DeviceRow)
	}
	return terminal.List(&a.Streams, devices, empty,
		"DEVICE|USER|SITE|STATE|PATH|LOSS|FREE|VERSION|LABELS|LOGIN ENDS|ID", func(d groupcast.Device) []string {
			return slices.Insert(ui.DeviceRow(d), 2, cmp.Or(d.Site, groupcast.OwnSite))
		})
}
