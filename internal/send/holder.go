package send

import "github.com/groupcast/groupcast/internal/rate"

// idleBy names what keeps the session from sending at its rate now, which rounds do not tell: those in which there
// was nothing to send are left out. known is false if nothing does. Empty and known: all there is was sent, or
// nobody is there.
func (s *Sender) idleBy() (limiter rate.Limiter, known bool) {
	switch {
	case s.over || s.sync.ending:
		return "", true
	case !s.devices.silentSince.IsZero() || s.pass.put > 0: // nobody is heard, or they have to catch up first
		return rate.LimitReceivers, true
	case s.round.starved || s.waits():
		return rate.LimitSender, true
	case !s.sendable():
		return "", true
	}
	return "", false
}

// Holder names what holds a session that now sends so many bytes a second; empty: nothing does, there is
// nothing to send.
func (st Status) Holder(sends uint64) rate.Limiter {
	if st.idles && !rate.Used(sends, st.Rate) {
		return st.idleBy
	}
	return st.Limiter
}
