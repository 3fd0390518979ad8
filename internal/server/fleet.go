package server

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/delivery"
	"github.com/groupcast/groupcast/internal/protocol"
)

// What is done to several devices at once. Each is done by itself: one that cannot be leaves the others.

// auditNames bounds how many devices one entry of the audit log names.
const auditNames = 50

// LabelDevices sets and removes labels.
func (s *Server) LabelDevices(
	ctx context.Context, p groupcast.Principal, c groupcast.LabelChange,
) ([]groupcast.DeviceResult, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
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
		out[i] = s.resultOf(one.Device, one.Err)
		out[i].Labels = one.Device.Labels
		if one.Err == nil {
			done = append(done, out[i].Who())
		}
	}
	for names := range slices.Chunk(done, auditNames) {
		s.audit(ctx, p, "device.label", counted(names), c.String()+": "+strings.Join(names, ", "))
	}
	if len(done) > 0 {
		s.events.Publish(groupcast.Event{Kind: groupcast.EventDevice, Text: "labels: " + c.String()})
	}
	return out, nil
}

// resultOf is what became of one device. An error that is no answer to people goes to the log, which the result
// names.
func (s *Server) resultOf(d groupcast.Device, err error) groupcast.DeviceResult {
	r := groupcast.ResultOf(d, err)
	if r.Code == groupcast.EInternal {
		s.log.Error("something was not done to a device", "device", d.ID, "err", err)
	}
	return r
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

// DropOwed cancels what devices are still owed.
func (s *Server) DropOwed(
	ctx context.Context, p groupcast.Principal, q groupcast.DropOwed,
) ([]groupcast.DeviceResult, error) {
	if err := mustAdmin(p); err != nil {
		return nil, err
	}
	if err := q.Check(); err != nil {
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
			out = append(out, s.resultOf(groupcast.Device{ID: id}, err))
			continue
		}
		dropped, err := s.dropAll(ctx, p, id, q.Transfer)
		r := s.resultOf(d, err)
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
