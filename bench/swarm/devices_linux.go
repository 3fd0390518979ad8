package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"
)

const (
	settle  = 5 * time.Second // after the last device came, before it is looked what idle ones cost
	patient = 5 * time.Minute // for all devices to come
)

// measureDevices keeps devices attached to a server and says what they cost.
func measureDevices(ctx context.Context, o options) error {
	s, err := startServer(ctx, o, "127.0.0.1:0") // it makes its keys and its tables
	if err != nil {
		return err
	}
	at, err := url.Parse(s.first.Address)
	if err := errors.Join(err, s.stop()); err != nil {
		return err
	}
	tokens, err := enrol(ctx, o)
	if err != nil {
		return err
	}
	if s, err = startServer(ctx, o, at.Host); err != nil {
		return err
	}
	defer func() { _ = s.stop() }() // the figures are what counts
	everybody, err := newSwarm(s.first)
	if err != nil {
		return err
	}
	empty, err := s.memory()
	if err != nil {
		return err
	}
	empty.resident = s.resident()
	ctx, end := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer end()
	begin := s.cpu()
	for i, token := range tokens {
		all.Go(func() { newDevice(everybody, i, token).run(ctx) })
	}
	if err := everybody.come(ctx, s, o.devices, "connect", begin); err != nil {
		return err
	}
	if err := idle(s, empty, o.devices); err != nil {
		return err
	}
	if err := check(ctx, s, o); err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	if s, err = startServer(ctx, o, at.Host); err != nil {
		return err
	}
	return everybody.come(ctx, s, o.devices, "restart", 0)
}

// idle says what devices cost that do nothing.
func idle(s *server, empty told, devices int) error {
	time.Sleep(settle)
	full, err := s.memory()
	if err != nil {
		return err
	}
	per := func(full, empty uint64) float64 { return (float64(full) - float64(empty)) / 1024 / float64(devices) }
	fmt.Printf("idle      %.1f KiB resident a device: objects %.1f (in pages of %.1f), stacks %.1f; %.1f goroutines\n",
		per(s.resident(), empty.resident), per(full.Heap, empty.Heap), per(full.Pages, empty.Pages),
		per(full.Stack, empty.Stack), float64(full.Running-empty.Running)/float64(devices))
	begin := s.cpu()
	time.Sleep(settle)
	fmt.Printf("          %.2f ms CPU a device and minute\n", 1000*(s.cpu()-begin).Seconds()*12/float64(devices))
	return nil
}

// check says what checks of all devices take, and find.
func check(ctx context.Context, s *server, o options) error {
	for range o.checks {
		begin := s.cpu()
		c, err := s.check(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("check     %.1f s, the first result after %.1f s, %.2f ms CPU a device: %v\n", c.took.Seconds(),
			c.first.Seconds(), 1000*(s.cpu()-begin).Seconds()/float64(o.devices), c.found)
	}
	return nil
}

// come waits until so many devices are attached, and says what that took.
func (w *swarm) come(ctx context.Context, s *server, devices int, what string, begin time.Duration) error {
	start, refused := time.Now(), w.refused.Load()
	for w.attached.Load() < int64(devices) {
		if ctx.Err() != nil || time.Since(start) > patient {
			return fmt.Errorf("%s: %d of %d devices are attached, %d tries failed", what, w.attached.Load(), devices,
				w.refused.Load()-refused)
		}
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Printf("%-9s %d devices in %.1f s, %.2f ms CPU of the server each; %d tries failed\n", what, devices,
		time.Since(start).Seconds(), 1000*(s.cpu()-begin).Seconds()/float64(devices), w.refused.Load()-refused)
	return nil
}
