package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/ui"
)

// straggler is a command about one device that holds a transfer up.
func (a *app) straggler(verb, short string, action groupcast.DeliveryAction) *cobra.Command {
	use, example := verb+" ID USER/DEVICE", "  groupcast transfer "+verb+" 12 alice/pc-03"
	if action == groupcast.Drop {
		use, example = verb+" ID USER[/DEVICE]", example+
			"\n  groupcast transfer drop 12 bob        # all of bob's devices, or none yet"
	}
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(2),
		Example: example,
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			no, err := transferNo(args[0])
			if err != nil {
				return err
			}
			if action == groupcast.Drop {
				if err := a.sure(c, "This takes transfer %d from %s for good: it is not owed there any more", uint64(no),
					args[1]); err != nil {
					return err
				}
			}
			found, err := findDelivery(c.Context(), client, no, args[1])
			if action == groupcast.Drop && groupcast.ErrorCode(err) == groupcast.ENotFound && !strings.Contains(args[1], "/") {
				return a.dropMember(c.Context(), client, no, args[1])
			}
			if err != nil {
				return err
			}
			d, err := client.ActOnDelivery(c.Context(), no, found.DeviceID, action)
			if err != nil {
				return err
			}
			return a.One(d, "transfer %d, %s/%s: %s", uint64(no), d.User, d.Device, told(d, action))
		}),
	}
	if action == groupcast.Drop {
		return shell.AsksFirst(c)
	}
	return c
}

// dropMember drops a member with every device, and one who has none yet.
func (a *app) dropMember(ctx context.Context, client *apiclient.Client, no protocol.TransferNo, user string) error {
	t, err := client.DropMember(ctx, no, user)
	if err != nil {
		return err
	}
	return a.One(t, "transfer %d: %s is not owed it any more; %d still owed", uint64(no), user, t.Owed)
}

// told says what happens to a delivery now.
func told(d groupcast.Delivery, action groupcast.DeliveryAction) string {
	switch {
	case action == groupcast.Drop:
		return "it is not owed any more"
	case d.Reason != "":
		return ui.Why(d)
	}
	return string(d.State)
}

// findDelivery finds what a device is owed by its USER/DEVICE, its name if only one has it, or
// the hex of its ID.
func findDelivery(
	ctx context.Context, client *apiclient.Client, no protocol.TransferNo, which string,
) (groupcast.Delivery, error) {
	all, err := client.Deliveries(ctx, no)
	if err != nil {
		return groupcast.Delivery{}, err
	}
	return named(all, which, fmt.Sprintf("transfer %d is owed to no device %%q", no),
		fmt.Sprintf("`groupcast transfer deliveries %d` shows them; write USER/DEVICE", no),
		func(d groupcast.Delivery) (user, name, id string) { return d.User, d.Device, d.DeviceID.String() })
}
