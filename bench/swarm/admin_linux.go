package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
)

// administrator calls a server by its local socket.
func administrator(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
}

func (s *server) ask(ctx context.Context, method, path, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://local/api/v1"+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := s.admin.Do(req)
	if err != nil || res.StatusCode < http.StatusMultipleChoices {
		return res, err
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	return nil, fmt.Errorf("%s %s: %s %s", method, path, res.Status, text)
}

// list reads a list, and says how long that took and how many rows came.
func (s *server) list(ctx context.Context, path string) (took time.Duration, bytes int64, err error) {
	start := time.Now()
	res, err := s.ask(ctx, http.MethodGet, path, "")
	if err != nil {
		return 0, 0, err
	}
	defer res.Body.Close()
	bytes, err = io.Copy(io.Discard, res.Body)
	return time.Since(start), bytes, err
}

// checked is what a check said.
type checked struct {
	found       map[groupcast.Reach]int
	first, took time.Duration
}

// check checks all devices.
func (s *server) check(ctx context.Context) (c checked, err error) {
	start := time.Now()
	c.found = map[groupcast.Reach]int{}
	res, err := s.ask(ctx, http.MethodPost, "/check", "{}")
	if err != nil {
		return c, err
	}
	defer res.Body.Close()
	rows := json.NewDecoder(res.Body)
	if _, err := rows.Token(); err != nil {
		return c, err
	}
	for rows.More() {
		var r groupcast.CheckResult
		if err := rows.Decode(&r); err != nil {
			return c, err
		}
		if c.found[r.Reach]++; c.first == 0 {
			c.first = time.Since(start)
		}
	}
	_, err = rows.Token()
	c.took = time.Since(start)
	return c, err
}
