package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/delivery"
	"github.com/groupcast/groupcast/internal/protocol"
)

// What is done to several devices at once. Each is done by itself: one that cannot be leaves the others.

// auditNames bounds how many devices one entry of the audit log names.
const auditNames = 50

func checkDevices(ids []protocol.DeviceID) error {
	switch n := len(ids); {
	case n == 0:
		return groupcast.Errorf(groupcast.EInvalid, "no device is named")
	case n > groupcast.MaxAtOnce:
		return groupcast.Errorf(groupcast.EInvalid, "%d devices are named, %d at most in one call", n, groupcast.MaxAtOnce)
	}
	return nil
}

// LabelDevices sets and removes labels.
func (s *Server) LabelDevices(
	ctx context.Context, p groupcast.Principal, c groupcast.LabelChange,
) ([]groupcast.DeviceResult, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	if err := checkLabels(c); err != nil {
		return nil, err
	}
	c.Devices = unique(c.Devices)
	changed, err := s.store.LabelDevices(ctx, c)
	if err != nil {
		return nil, err
	}
	out := make([]groupcast.DeviceResult, len(changed))
	var done []string
	for i, one := range changed {
		out[i] = resultOf(one.Device, one.Err)
		out[i].Labels = one.Device.Labels
		if one.Err == nil {
			done = append(done, out[i].Who())
		}
	}
	for names := range slices.Chunk(done, auditNames) {
		s.audit(ctx, p, "device.label", counted(names), wordsOf(c)+": "+strings.Join(names, ", "))
	}
	if len(done) > 0 {
		s.events.Publish(groupcast.Event{Kind: groupcast.EventDevice, Text: "labels: " + wordsOf(c)})
	}
	return out, nil
}

func checkLabels(c groupcast.LabelChange) error {
	if err := checkDevices(c.Devices); err != nil {
		return err
	}
	if len(c.Set)+len(c.Remove) == 0 {
		return groupcast.Errorf(groupcast.EInvalid, "no label is to be set or removed")
	}
	if n := len(c.Set) + len(c.Remove); n > 2*groupcast.MaxLabels {
		return groupcast.Errorf(groupcast.EInvalid, "%d labels are named: a device has %d at most", n, groupcast.MaxLabels)
	}
	for key, value := range c.Set {
		if err := groupcast.CheckLabel(key, value); err != nil {
			return err
		}
	}
	for _, key := range c.Remove {
		if err := groupcast.CheckLabelKey(key); err != nil {
			return err
		}
		if _, both := c.Set[key]; both {
			return groupcast.Errorf(groupcast.EInvalid, "the label %s is to be set and to be removed", key)
		}
	}
	return nil
}

// wordsOf is a change as one types it: room=2 kind-
func wordsOf(c groupcast.LabelChange) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(c.Set)) {
		all = append(all, key+"="+c.Set[key])
	}
	for _, key := range c.Remove {
		all = append(all, key+"-")
	}
	return strings.Join(all, " ")
}

// counted is what an entry of the audit log is about.
func counted(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return fmt.Sprintf("%d devices", len(names))
}

func unique(ids []protocol.DeviceID) (out []protocol.DeviceID) {
	had := map[protocol.DeviceID]bool{}
	for _, id := range ids {
		if !had[id] {
			had[id] = true
			out = append(out, id)
		}
	}
	return out
}

func resultOf(d groupcast.Device, err error) groupcast.DeviceResult {
	r := groupcast.DeviceResult{DeviceID: d.ID, User: d.User, Device: d.Name}
	if err == nil {
		return r
	}
	r.Code, r.Problem = groupcast.EInternal, "an internal error: the server's log has it"
	var e *groupcast.Error
	if errors.As(err, &e) {
		r.Code, r.Problem = e.Code, e.Message
	}
	return r
}

// DropOwed cancels what devices are still owed.
func (s *Server) DropOwed(
	ctx context.Context, p groupcast.Principal, q groupcast.DropOwed,
) ([]groupcast.DeviceResult, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	if err := checkDevices(q.Devices); err != nil {
		return nil, err
	}
	if q.Transfer != 0 {
		if _, err := s.store.Transfer(ctx, q.Transfer); err != nil {
			return nil, err
		}
	}
	var out []groupcast.DeviceResult
	for _, id := range unique(q.Devices) {
		if err := ctx.Err(); err != nil {
			return out, err // who asked is gone
		}
		d, err := s.store.Device(ctx, id)
		if err != nil {
			out = append(out, resultOf(groupcast.Device{ID: id}, err))
			continue
		}
		dropped, err := s.dropAll(ctx, p, id, q.Transfer)
		if err != nil {
			s.log.Warn("what a device is owed was not dropped", "device", id, "err", err)
		}
		r := resultOf(d, err)
		r.Dropped = dropped
		out = append(out, r)
	}
	return out, nil
}

// dropAll drops what one device is owed, and names it.
func (s *Server) dropAll(
	ctx context.Context, p groupcast.Principal, id protocol.DeviceID, only protocol.TransferNo,
) (dropped []string, err error) {
	owed, err := s.store.Owed(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, o := range owed {
		if only != 0 && o.Transfer != only {
			continue
		}
		tr, d, err := s.delivery.Act(ctx, o.Transfer, id, groupcast.Drop, p.Actor())
		if groupcast.ErrorCode(err) == groupcast.EConflict {
			continue // it came to its end meanwhile
		}
		if err != nil {
			return dropped, err
		}
		dropped = append(dropped, fmt.Sprintf("%d %s", tr.No, tr.Name))
		s.audit(ctx, p, "delivery.drop", fmt.Sprintf("%s of %s", delivery.Who(d), label(tr)), "")
	}
	if len(dropped) == 0 {
		return nil, groupcast.Errorf(groupcast.ENotFound, "it is owed nothing%s", ofTransfer(only))
	}
	return dropped, nil
}

func ofTransfer(no protocol.TransferNo) string {
	if no == 0 {
		return ""
	}
	return fmt.Sprintf(" of transfer %d", no)
}
