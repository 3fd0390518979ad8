package relay

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxFrame is the largest Ethernet frame, with the kernel's note on checksums before it.
const (
	maxFrame = 16 << 10
	noteLen  = 10 // struct virtio_net_hdr
)

// Main is the command `bench relay`: it prints "ready" and carries frames until ctx ends.
func Main(ctx context.Context, args []string) error {
	var cfg Config
	f := flag.NewFlagSet("relay", flag.ContinueOnError)
	left, right := f.String("left", "left", "one card"), f.String("right", "right", "the other")
	f.DurationVar(&cfg.Delay, "delay", 0, "of every frame, each way")
	f.DurationVar(&cfg.Jitter, "jitter", 0, "up to so much more, order kept")
	f.Float64Var(&cfg.Reorder, "reorder", 0, "percent of the frames that others overtake")
	f.DurationVar(&cfg.Late, "late", time.Millisecond, "how long those are held back")
	f.Float64Var(&cfg.GoodToBad, "burst-begins", 0, "percent of the frames after which a burst of losses begins")
	f.Float64Var(&cfg.BadToGood, "burst-ends", 10, "percent of the frames after which it ends")
	if err := f.Parse(args); err != nil {
		return err
	}
	a, err := open(*left)
	if err != nil {
		return err
	}
	defer unix.Close(a)
	b, err := open(*right)
	if err != nil {
		return err
	}
	defer unix.Close(b)
	fmt.Println("ready")
	return carry(ctx, cfg, a, b)
}

// open gives a socket for the whole frames of a card. The kernel's note on unfinished
// checksums travels with each frame, so that a frame leaves as it came.
func open(card string) (int, error) {
	ifi, err := net.InterfaceByName(card)
	if err != nil {
		return 0, fmt.Errorf("card %s: %w", card, err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("packet socket: %w", err)
	}
	everything := uint16(unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8)
	for _, do := range []func() error{
		func() error { return unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1) },
		func() error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20) },
		func() error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 32<<20) },
		func() error {
			return unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 200_000})
		},
		func() error { return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: ifi.Index}) },
	} {
		if err := do(); err != nil {
			unix.Close(fd)
			return 0, fmt.Errorf("packet socket on %s: %w", card, err)
		}
	}
	return fd, nil
}

// carry runs both directions until ctx ends or a card goes away.
func carry(ctx context.Context, cfg Config, a, b int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, 4)
	var wg sync.WaitGroup
	for i, way := range [][2]int{{a, b}, {b, a}} {
		w := &direction{line: newLine(cfg, uint64(i)), from: way[0], to: way[1], news: make(chan struct{}, 1)}
		for _, part := range []func(context.Context) error{w.in, w.out} {
			wg.Go(func() {
				errs <- part(ctx)
				cancel()
			})
		}
	}
	wg.Wait()
	close(errs)
	var all error
	for err := range errs {
		all = errors.Join(all, err)
	}
	return all
}

// direction carries frames from one socket to the other.
type direction struct {
	mu       sync.Mutex
	line     *line
	from, to int
	news     chan struct{} // the queue's head may have changed
}

func (d *direction) in(ctx context.Context) error {
	buf := make([]byte, maxFrame)
	for ctx.Err() == nil {
		n, from, err := unix.Recvfrom(d.from, buf, 0)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("read frame: %w", err)
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); !ok || ll.Pkttype == unix.PACKET_OUTGOING || n <= noteLen {
			continue
		}
		d.mu.Lock()
		kept := d.line.put(time.Now(), append([]byte(nil), buf[:n]...))
		d.mu.Unlock()
		if kept {
			select {
			case d.news <- struct{}{}:
			default:
			}
		}
	}
	return nil
}

func (d *direction) out(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		d.mu.Lock()
		data, next := d.line.take(time.Now())
		d.mu.Unlock()
		if data != nil {
			// A full queue loses the frame, as a switch does; the card's end shows in the reader.
			_, _ = unix.Write(d.to, data)
			continue
		}
		wait := time.Hour
		if !next.IsZero() {
			wait = time.Until(next)
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return nil
		case <-d.news:
		case <-timer.C:
		}
	}
}
