package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
)

// slowCheck knows of one device, and of the next only after that was read.
type slowCheck struct {
	*httpapitest.Service
	read chan struct{}
	ends error
}

func (s slowCheck) Check(
	ctx context.Context, _ groupcast.Principal, q groupcast.CheckQuery, told func(groupcast.CheckResult),
) error {
	if q.Group == "empty" {
		return s.ends
	}
	told(groupcast.CheckResult{User: "ann"})
	select {
	case <-s.read:
	case <-ctx.Done():
		return ctx.Err()
	}
	told(groupcast.CheckResult{User: "bob"})
	return s.ends
}

// checking asks for a check.
func checking(t *testing.T, s slowCheck, body string) (status int, answer io.Reader) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	srv := httptest.NewServer(dressed(log, newHandler(Config{Service: s, Log: log}, t.Context())))
	t.Cleanup(srv.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/api/v1/check", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer cli-admin")
	req.Header.Set("Content-Type", "application/json")
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res.StatusCode, res.Body
}

// What is known is read while the rest is not known yet.
func TestAListThatGrows(t *testing.T) {
	s := slowCheck{httpapitest.New(), make(chan struct{}), nil}
	_, answer := checking(t, s, "{}")
	d := json.NewDecoder(answer)
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	var r groupcast.CheckResult
	if err := d.Decode(&r); err != nil || r.User != "ann" {
		t.Fatal(r, err)
	}
	close(s.read)
	rest, err := io.ReadAll(io.MultiReader(d.Buffered(), answer))
	if err != nil || !strings.Contains(string(rest), `"bob"`) || !strings.HasSuffix(string(rest), "]\n") {
		t.Errorf("%s, %v", rest, err)
	}
}

// One that breaks off is not taken for the whole; what fails before the first row is a problem; no rows are a list.
func TestAListThatBreaksOff(t *testing.T) {
	s := slowCheck{httpapitest.New(), make(chan struct{}), errDisk}
	close(s.read)
	_, answer := checking(t, s, "{}")
	if b, err := io.ReadAll(answer); err == nil {
		t.Errorf("read %s without an error", b)
	}
	s.ends = groupcast.Errorf(groupcast.ENotFound, "no such group")
	if status, _ := checking(t, s, `{"group":"empty"}`); status != http.StatusNotFound {
		t.Errorf("status %d", status)
	}
	s.ends = nil
	_, answer = checking(t, s, `{"group":"empty"}`)
	if b, err := io.ReadAll(answer); err != nil || string(b) != "[]\n" {
		t.Errorf("%q, %v", b, err)
	}
}
