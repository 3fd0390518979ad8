package tables

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// LabelDevices sets and removes labels of devices; one that fails leaves the others as they are.
func (s *Store) LabelDevices(ctx context.Context, c groupcast.LabelChange) (out []store.Labelled, err error) {
	err = s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		out = make([]store.Labelled, len(c.Devices)) // a change may be tried again
		for i, id := range c.Devices {
			if err := labelOne(ctx, q, id, c, &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// labelOne says in out what becomes of a device; an error is the disk's.
func labelOne(
	ctx context.Context, q *queries.Queries, id protocol.DeviceID, c groupcast.LabelChange, out *store.Labelled,
) error {
	r, err := q.Device(ctx, deviceText(id))
	if err = missing(err, "device", id); groupcast.ErrorCode(err) == groupcast.ENotFound {
		out.Device.ID, out.Err = id, err
		return nil
	}
	if err != nil {
		return err
	}
	if out.Device, err = deviceWithLabels(ctx, q, r); err != nil {
		return err
	}
	labels := maps.Clone(out.Device.Labels)
	if labels == nil {
		labels = groupcast.Labels{}
	}
	for _, key := range c.Remove {
		delete(labels, key)
	}
	maps.Copy(labels, c.Set)
	if len(labels) > groupcast.MaxLabels {
		out.Err = groupcast.Errorf(groupcast.EExhausted, "it would have %d labels, %d at most", len(labels),
			groupcast.MaxLabels).WithHint("remove some of its labels first")
		return nil
	}
	for _, key := range c.Remove {
		if err := q.RemoveLabel(ctx, queries.RemoveLabelParams{DeviceID: deviceText(id), Name: key}); err != nil {
			return err
		}
	}
	for key, value := range c.Set {
		if err := q.SetLabel(ctx,
			queries.SetLabelParams{DeviceID: deviceText(id), Name: key, Value: value}); err != nil {
			return err
		}
	}
	out.Device.Labels = labels
	return nil
}

// deviceWithLabels is a device with what was noted of it.
func deviceWithLabels(ctx context.Context, q *queries.Queries, r queries.DeviceRow) (groupcast.Device, error) {
	d, err := deviceFrom(r.Device, r.UserName)
	if err != nil {
		return d, err
	}
	rows, err := q.LabelsOfDevice(ctx, r.Device.ID)
	for _, l := range rows {
		if d.Labels == nil {
			d.Labels = groupcast.Labels{}
		}
		d.Labels[l.Name] = l.Value
	}
	return d, err
}

// labelsOfDevices gives what was noted of the devices of a window.
func labelsOfDevices(
	ctx context.Context, q *queries.Queries, userID string, w groupcast.Window,
) (map[string]groupcast.Labels, error) {
	rows, err := q.LabelsOfDevices(ctx,
		queries.LabelsOfDevicesParams{UserID: userID, Most: most(w), Skip: skip(w.From)})
	out := map[string]groupcast.Labels{}
	for _, r := range rows {
		if out[r.DeviceID] == nil {
			out[r.DeviceID] = groupcast.Labels{}
		}
		out[r.DeviceID][r.Name] = r.Value
	}
	return out, err
}

// The sides of a selection.
const (
	sideOnly   = "only"
	sideExcept = "except"
)

// oweSelected keeps a transfer's selection and owes it to those who belong to it.
func oweSelected(ctx context.Context, q *queries.Queries, t store.Transfer) error {
	for side, terms := range map[string][]store.Term{sideOnly: t.Only, sideExcept: t.Except} {
		for _, term := range terms {
			if err := q.AddTerm(ctx, queries.AddTermParams{
				TransferNo: int64(t.No), Side: side, DeviceID: deviceText(term.Device), Name: term.Key, Value: term.Value,
			}); err != nil {
				return err
			}
		}
	}
	at := micros(t.CreatedAt)
	if err := q.OweGroup(ctx, queries.OweGroupParams{TransferNo: int64(t.No), UpdatedAt: at}); err != nil {
		return err
	}
	return q.OweGroupWithoutDevice(ctx, queries.OweGroupWithoutDeviceParams{TransferNo: int64(t.No), UpdatedAt: at})
}

// nobodyBelongs is the answer to a selection that takes nobody of the group.
func nobodyBelongs(t store.Transfer) error {
	return groupcast.Errorf(groupcast.ENobody, "no machine of the group %s belongs to %q", t.Group, t.Selection).
		WithHint("look at the labels of the group's devices").WithNext(groupcast.Next{Step: groupcast.StepUserDevices})
}

func selectionText(s groupcast.Selection) (string, error) {
	if s.All() {
		return "", nil
	}
	b, err := json.Marshal(s)
	return string(b), err
}

func selectionFrom(text string) (s groupcast.Selection, err error) {
	if text == "" {
		return s, nil
	}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, fmt.Errorf("read the selection of a transfer: %w", err)
	}
	return s, nil
}
