package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/protocol"
)

// straggler is a command about one device that holds a transfer up.
func (a *app) straggler(verb, short string, action groupcast.DeliveryAction) *cobra.Command {
	use, example := verb+" ID USER/DEVICE", "  groupcast transfer "+verb+" 12 alice/pc-03"
	if action == groupcast.Drop {
		use, example = verb+" ID USER[/DEVICE]", example+
			"\n  groupcast transfer drop 12 bob        # all of bob's devices, or none yet"
	}
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(2),
		Example: example,
		RunE: a.asAdmin(func(c *cobra.Command, client *apiclient.Client, args []string) error {
			no, err := transferNo(args[0])
			if err != nil {
				return err
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
}

// dropMember drops a member with every device, and one who has none yet.
func (a *app) dropMember(ctx context.Context, client *apiclient.Client, no protocol.TransferNo, user string) error {
	t, err := client.DropMember(ctx, no, user)
	if err != nil {
		return err
	}
	return a.One(t, "transfer %d: %s is not owed it any more; %d still owed", uint64(no), user, t.Owed)
}

// told says what becomes of a delivery now.
func told(d groupcast.Delivery, action groupcast.DeliveryAction) string {
	switch {
	case action == groupcast.Drop:
		return "it is not owed any more"
	case d.Reason != "":
		return d.Reason
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
	var found []groupcast.Delivery
	for _, d := range all {
		user, device, both := strings.Cut(which, "/")
		switch {
		case d.Device == "": // nothing can be told to it
		case both && d.User == user && d.Device == device, d.DeviceID.String() == which:
			return d, nil
		case !both && d.Device == which:
			found = append(found, d)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return groupcast.Delivery{}, groupcast.Errorf(groupcast.ENotFound, "transfer %d is owed to no device %q", no, which).
			WithHint("`groupcast transfer deliveries %d` shows them; write USER/DEVICE", no)
	}
	return groupcast.Delivery{}, groupcast.Errorf(groupcast.EInvalid, "%d devices are called %q", len(found), which).
		WithHint("write USER/DEVICE, for example %s/%s", found[0].User, found[0].Device)
}
