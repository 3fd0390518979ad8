package apiclient

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

// TestAgentsObeyRetryAfter: a device that the server turned away makes no call at all until the time
// that it was told, and then the one that was not carried out.
func TestAgentsObeyRetryAfter(t *testing.T) {
	var mu sync.Mutex
	var times []time.Time
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		times = append(times, time.Now())
		if len(times) > 1 {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Retry-After", strconv.Itoa(1))
		w.WriteHeader(http.StatusTooManyRequests)
		_ = json.NewEncoder(w).Encode(problem{Code: groupcast.EExhausted, Detail: "too often"})
	}))
	defer server.Close()
	c := &Client{
		base: server.URL, host: "x", calls: server.Client(), bulk: server.Client(), last: new(lastConn), pause: new(pause),
	}
	first := make(chan error, 1)
	go func() { first <- c.Report(t.Context(), groupcast.AgentReport{}) }()
	for n := 0; n == 0; time.Sleep(time.Millisecond) {
		mu.Lock()
		n = len(times)
		mu.Unlock()
	}
	time.Sleep(50 * time.Millisecond)
	hasty, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := c.Report(hasty, groupcast.AgentReport{}); err == nil {
		t.Error("another call was made while the server wanted none")
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
	if len(times) != 2 || times[1].Sub(times[0]) < 900*time.Millisecond {
		t.Errorf("calls at %v", times)
	}
	if _, err := c.Blocks(t.Context(), 1, 0, 1); err == nil && len(times) != 3 {
		t.Error("a download was not asked for")
	}
}
