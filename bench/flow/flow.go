// Package flow is one TCP connection that carries as much as it can: what groupcast shares a
// port with in the bench. It is no part of the product.
package flow

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// every is how often the sink says how much it has.
const every = 50 * time.Millisecond

// Main is the command `bench flow`: with -listen the sink, which prints "ready" and then
// lines of "UNIX-NANOSECONDS BYTES"; with -to the source. Both run until ctx ends.
func Main(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("flow", flag.ContinueOnError)
	listen, to := f.String("listen", "", "take one connection at this address"), f.String("to", "", "send to this address")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *listen != "" {
		return sink(ctx, *listen)
	}
	return source(ctx, *to)
}

func sink(ctx context.Context, address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	fmt.Println("ready")
	conn, err := l.Accept()
	if err != nil {
		return ended(ctx, err)
	}
	defer conn.Close()
	hangUp := context.AfterFunc(ctx, func() { conn.Close() })
	defer hangUp()
	var got atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		tell(ctx, &got)
	}()
	_, err = io.Copy(counter{&got}, conn)
	<-done
	return ended(ctx, err)
}

func tell(ctx context.Context, got *atomic.Int64) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			fmt.Println(time.Now().UnixNano(), got.Load())
		}
	}
}

func source(ctx context.Context, address string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	buf := make([]byte, 64<<10)
	for {
		if _, err := conn.Write(buf); err != nil {
			return ended(ctx, err)
		}
	}
}

// ended is nil when the end was asked for.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}
