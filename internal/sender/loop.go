package sender

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/send"
)

const (
	// idle is how long the loop sleeps at most.
	idle = time.Second
	// queuePause is how long the loop waits when the send queue is full.
	queuePause = time.Millisecond
	// readGrace is how long the end of a session waits for readers.
	readGrace = 100 * time.Millisecond
)

// Run sends until every attached device is done, Stop is called, ctx ends, its time is used up, or the source or the
// interface fails; only the last three are errors. Devices may be attached before and while it runs. A reader that
// hangs is not waited for.
func (s *Sender) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !s.start(cancel) {
		return ErrSessionOver
	}
	defer s.end()
	defer close(s.done)
	s.endpoint.addSession(s)
	defer s.endpoint.removeSession(s)
	var reading sync.WaitGroup
	for range readers() {
		reading.Go(func() { s.packetizer.cache.run(ctx) })
	}
	defer waitBriefly(&reading)
	defer cancel()
	go s.packetizer.writer.run(ctx)
	err := s.loop(ctx)
	if late := s.packetizer.writer.end(); err == nil {
		err = late
	}
	s.packetizer.cache.wipe()
	if errors.Is(err, errStopped) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// waitBriefly waits for readers, so that they leave a source alone that is closed next, but not for one that hangs.
func waitBriefly(reading *sync.WaitGroup) {
	done := make(chan struct{})
	go func() {
		reading.Wait()
		close(done)
	}()
	t := time.NewTimer(readGrace)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// start marks the session as running. It is false if it ran before or was stopped.
func (s *Sender) start(cancel context.CancelFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running || s.ended || s.stopped.Load() {
		return false
	}
	s.running, s.cancel = true, cancel
	return true
}

// step is what the machine asks for at one moment.
type step struct {
	sync   []byte
	train  send.Train
	some   bool // train is set
	until  time.Time
	events []Event
	over   bool
	lived  bool            // its time is used up
	front  uint32          // of the stream
	hungry bool            // nothing is left to send until there are further pages
	more   <-chan struct{} // closed when there may be some
}

func (s *Sender) loop(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	refs := make([]send.SymbolRef, 0, s.packetizer.maxRefs())
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		st, err := s.next(refs)
		if err != nil {
			return err
		}
		if err := s.carryOut(ctx, &st); err != nil {
			return err
		}
		switch {
		case st.lived:
			return ErrLifeOver
		case st.over:
			return nil
		case st.some:
			continue
		}
		timer.Reset(time.Until(st.until))
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-st.more:
		case <-timer.C:
		}
	}
}

// next asks the machine what to do. It reads the clock under the lock, so that the machine's time
// never goes back.
func (s *Sender) next(refs []send.SymbolRef) (step, error) {
	queued := s.queued()              // without the lock: the endpoint's is taken first, then the sender's
	signed := s.feed.poll(time.Now()) // without the lock: the source's is its own
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	m := s.machine
	room := m.Queued(queued)
	s.rate.Store(m.Rate())
	s.feed.take(now, m, signed)
	if at, ok := m.NextTimeout(); ok && !at.After(now) {
		m.HandleTimeout(now)
	}
	if err := s.supply(now); err != nil {
		return step{}, err
	}
	st := step{until: now.Add(idle), more: s.feed.more(now)}
	if s.format.outlived(now.Sub(s.started)) {
		s.lived = true
		m.Close()
	}
	if !s.stopped.Load() {
		if s.sealSync(now) {
			st.sync = s.sync
		}
		if room {
			st.train, st.some = m.NextTrain(now, refs)
		}
	}
	st.front, st.hungry = s.feed.wants(m, s.packetizer.cache.reading)
	st.events, st.over = s.drain() // after the SYNC: the last one ends the session
	st.lived = s.lived && (st.over || s.muted)
	switch at, ok := m.NextTimeout(); {
	case !room: // the machine would send now
		st.until = now.Add(queuePause)
	case ok && at.Before(st.until):
		st.until = at
	}
	return st, nil
}

// supply takes what was read, and has read what is sent soon. The lock is held.
func (s *Sender) supply(now time.Time) error {
	m, c := s.machine, s.packetizer.cache
	for e, ok := c.take(); ok; e, ok = c.take() {
		switch {
		case errors.Is(e.err, pages.ErrVoid): // a page that says so is under way
			c.forget(e)
			s.feed.leaveOut(e.block)
			continue
		case e.err != nil:
			return e.err
		}
		m.Available(now, protocol.Range{First: e.block, Count: 1})
	}
	c.clock++
	missing := s.soon[:0]
	for _, b := range m.Soon(s.soon[:0]) {
		if !c.keep(b) && s.feed.readable(b) {
			missing = append(missing, b)
		}
	}
	for _, b := range missing {
		if !c.order(b, s.length(b), m.Unavailable) {
			break
		}
	}
	return nil
}

// queued is this session's part of the bytes that wait in the interface's send queue. Sessions that
// share the interface are given parts in proportion to their rates.
func (s *Sender) queued() int {
	bytes := s.link.QueuedBytes()
	if bytes == 0 {
		return 0
	}
	own, all := s.rate.Load(), s.endpoint.rateOf(s.link)
	if all <= own {
		return bytes
	}
	return int(float64(bytes) * float64(own) / float64(all))
}

// drain takes the machine's events; over says that the session has ended.
func (s *Sender) drain() (out []Event, over bool) {
	for {
		e, ok := s.machine.NextEvent()
		if !ok {
			return out, over
		}
		switch e.Kind {
		case send.DeviceDone:
			out = append(out, s.event(DeviceDone, e))
		case send.DeviceBehind:
			out = append(out, s.event(DeviceBehind, e))
		case send.DeviceBack:
			out = append(out, s.event(DeviceBack, e))
		case send.Over:
			over = true
		}
	}
}

func (s *Sender) event(kind EventKind, e send.Event) Event {
	return Event{Kind: kind, Device: s.devices[e.Device].id, Reason: e.Reason, Cause: string(e.Cause)}
}

func (s *Sender) carryOut(ctx context.Context, st *step) error {
	if s.onEvent != nil {
		for _, e := range st.events {
			s.onEvent(e)
		}
	}
	s.feed.tell(time.Now(), st.front, st.hungry)
	if st.sync != nil {
		if err := s.packetizer.writer.put(ctx, batch{packets: st.sync, size: len(st.sync), sync: true}); err != nil {
			return err
		}
	}
	if st.some {
		return s.packetizer.send(ctx, st.train)
	}
	return nil
}
