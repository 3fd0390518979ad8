package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// unfit says why a device that is attached can be sent nothing: it and this server have no
// version of a protocol in common. It is empty for all others.
func (r *roster) unfit(id protocol.DeviceID) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.attached[id]
	if a == nil {
		return ""
	}
	switch r.speaks.Judge(a.say.Speaks) {
	case groupcast.TooOld:
		return fmt.Sprintf("too old: its receiver is %s; install %s there", a.say.Speaks.Named(), r.speaks.Named())
	case groupcast.TooNew:
		return fmt.Sprintf("too new: its receiver is %s; install that at the server, or %s there", a.say.Speaks.Named(), r.speaks.Named())
	}
	return ""
}

// judge takes over why an active device can be sent nothing, or that it can.
func (s *schedule) judge(dev protocol.DeviceID, why string) {
	if why == "" {
		delete(s.unfit, dev)
		return
	}
	s.unfit[dev] = why
}

// turnAway refuses a transfer for those who are active with a version that does not fit. They
// stay owed: who attaches again is asked again.
func (s *schedule) turnAway(now time.Time, p *promise) {
	if len(s.unfit) == 0 {
		return
	}
	for _, dev := range p.devices(func(dev protocol.DeviceID, l *leg) bool {
		return s.unfit[dev] != "" && s.active[dev] && l.place != placeRefused
	}) {
		s.refused(now, p.no, dev, s.unfit[dev])
		s.steps = append(s.steps, step{kind: stepRefuse, no: p.no, devices: []protocol.DeviceID{dev}, reason: s.unfit[dev]})
	}
}

// noteRefused writes down whom the server itself turned away.
func (s *Server) noteRefused(ctx context.Context, st step) {
	s.live.mu.Lock()
	var rows []groupcast.Delivery
	for _, dev := range st.devices {
		if _, l := s.live.sched.legOf(st.no, dev); l != nil && l.place == placeRefused {
			rows = append(rows, groupcast.Delivery{
				Transfer: st.no, UserID: s.live.owners[dev], DeviceID: dev, State: groupcast.DeliveryRefused, Reason: clip(st.reason),
			})
		}
	}
	s.live.mu.Unlock()
	if len(rows) == 0 {
		return
	}
	s.log.Info("refused", "transfer", st.no, "devices", len(rows), "reason", st.reason)
	if err := s.store.UpdateDeliveries(ctx, rows, s.now()); err != nil {
		s.log.Error("a refusal could not be noted", "transfer", st.no, slog.Any("err", err))
	}
}
