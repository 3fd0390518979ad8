package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
)

// device keeps itself attached as a receiver's agent does: the event stream, the state after its beginning, a report of
// its disk, answers to probes. It knows no files.
type device struct {
	n     int
	token string
	swarm *swarm
	http  *http.Client
}

// swarm is what the devices share, and what became of them.
type swarm struct {
	base     string
	host     string
	pin      pki.Pin
	attached atomic.Int64
	refused  atomic.Int64 // calls and connections that came to nothing
	probed   atomic.Int64 // questions that were answered
}

func newDevice(s *swarm, n int, token string) *device {
	from := &net.TCPAddr{IP: net.IPv4(127, byte(1+n>>16), byte(n>>8), byte(n))}
	return &device{n: n, token: token, swarm: s, http: &http.Client{Transport: &http.Transport{
		DialContext:     (&net.Dialer{LocalAddr: from, Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig: s.pin.ClientTLS(), TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
		ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10, DisableCompression: true,
	}}}
}

// run keeps the device attached until ctx ends, with the pauses between tries that agents make.
func (d *device) run(ctx context.Context) {
	var again apiclient.Backoff
	for ctx.Err() == nil {
		hello, err := d.attach(ctx)
		if hello {
			again.Reset()
			d.swarm.attached.Add(-1)
		}
		if ctx.Err() == nil && err != nil {
			d.swarm.refused.Add(1)
		}
		d.http.CloseIdleConnections()
		select {
		case <-time.After(again.Next()):
		case <-ctx.Done():
		}
	}
}

// attach reads events until the stream ends, and says whether the server took the device in.
func (d *device) attach(ctx context.Context) (hello bool, err error) {
	speaks := groupcast.Spoken()
	res, err := d.call(ctx, http.MethodGet, fmt.Sprintf(
		"/agent/events?instance=%d&boot=b&program=swarm&control_least=%d&control_most=%d&wire_least=%d&wire_most=%d",
		d.n, speaks.Control.Least, speaks.Control.Most, speaks.Wire.Least, speaks.Wire.Most), nil)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	lines := bufio.NewReaderSize(res.Body, 1<<10)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return hello, err
		}
		data, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			continue
		}
		var e groupcast.AgentEvent
		if err := json.Unmarshal(data, &e); err != nil {
			return hello, err
		}
		switch e.Kind {
		case groupcast.AgentHello:
			if err := d.introduce(ctx); err != nil {
				return hello, err
			}
			hello = true
			d.swarm.attached.Add(1)
		case groupcast.AgentProbe:
			if d.tell(ctx, "/agent/probes", groupcast.ProbeAnswer{Probe: e.Probe}) == nil {
				d.swarm.probed.Add(1)
			}
		default: // nothing is sent here
		}
	}
}

// introduce is what an agent does when it is connected.
func (d *device) introduce(ctx context.Context) error {
	res, err := d.call(ctx, http.MethodGet, "/agent/state", nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	return d.tell(ctx, "/agent/reports", groupcast.AgentReport{FreeBytes: 1 << 37, DiskBytes: 1 << 38, MTU: 1500})
}

func (d *device) tell(ctx context.Context, path string, what any) error {
	b, err := json.Marshal(what)
	if err != nil {
		return err
	}
	res, err := d.call(ctx, http.MethodPost, path, b)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

func (d *device) call(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, d.swarm.base+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Host = d.swarm.host
	req.Header.Set("Authorization", "Bearer "+d.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := d.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		refused := fmt.Errorf("%s %s: %s", path, res.Status, strings.TrimSpace(string(text)))
		return nil, errors.Join(refused, res.Body.Close())
	}
	return res, nil
}

// newSwarm knows a server.
func newSwarm(first told) (*swarm, error) {
	var id protocol.ServerID
	if err := id.UnmarshalText([]byte(first.Server)); err != nil {
		return nil, err
	}
	return &swarm{base: first.Address, host: pki.InternalName(id), pin: pki.Pin{ID: id}}, nil
}
