//go:build linux

package attacker

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/groupcast/groupcast/internal/apiclient"
)

// pretend listens at p.Source and passes for the server with the certificates and the key in folder
// p.File. The first p.Count connections, and all until there is a file named swap, it relays to
// the server; where p.Count is 0 it relays none. The report says how many handshakes a client went
// through with, and how many bytes of HTTP it sent.
func pretend(ctx context.Context, p Plan, r *Report) error {
	pair, err := tls.LoadX509KeyPair(filepath.Join(p.File, "cert.pem"), filepath.Join(p.File, "key.pem"))
	if err != nil {
		return err
	}
	server, err := apiclient.ParseAddress(p.Server)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.Source)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	x := &proxy{plan: p, report: r, server: server, config: &tls.Config{
		Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS13,
	}}
	r.Answers = make(map[string]int)
	go x.watchSwap(ctx)
	say("pretending")
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go x.serve(ctx, c)
	}
}

type proxy struct {
	plan   Plan
	report *Report
	server string
	config *tls.Config

	mu      sync.Mutex
	seen    int
	swapped bool
	relayed []net.Conn
}

func (x *proxy) count(what string, n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.report.Answers[what] += n
}

// watchSwap ends what is relayed once the file is there.
func (x *proxy) watchSwap(ctx context.Context) {
	for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(x.plan.File, "swap")); err != nil {
			continue
		}
		x.mu.Lock()
		x.swapped = true
		for _, c := range x.relayed {
			_ = c.Close()
		}
		x.relayed = nil
		x.mu.Unlock()
		say("swapped")
		return
	}
}

// relays says whether this connection is one that is relayed.
func (x *proxy) relays(c net.Conn) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.seen++
	if x.swapped || x.seen > x.plan.Count {
		return false
	}
	x.relayed = append(x.relayed, c)
	return true
}

func (x *proxy) serve(ctx context.Context, c net.Conn) {
	defer c.Close()
	if x.relays(c) {
		x.count("relayed", 1)
		to, err := (&net.Dialer{}).DialContext(ctx, "tcp", x.server)
		if err != nil {
			return
		}
		defer to.Close()
		go func() { _, _ = io.Copy(to, c) }()
		_, _ = io.Copy(c, to)
		return
	}
	x.count("connections", 1)
	t := tls.Server(c, x.config)
	_ = t.SetDeadline(time.Now().Add(5 * time.Second))
	if t.HandshakeContext(ctx) != nil {
		return
	}
	x.count("handshakes", 1)
	n, _ := io.Copy(io.Discard, t)
	x.count("bytes", int(n))
}
