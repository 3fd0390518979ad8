package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Numbers that nothing can have do not reach the service; those at the edge do.
func TestNumbersOfPagedTransfers(t *testing.T) {
	for path, want := range map[string]int{
		"transfers/7/stream/4294967295?count=4096": http.StatusOK,
		"transfers/7/stream/4294967296":            http.StatusBadRequest,
		"transfers/7/stream/-1":                    http.StatusBadRequest,
		"transfers/7/stream/x":                     http.StatusBadRequest,
		"transfers/7/stream/1?count=0":             http.StatusBadRequest,
		"transfers/7/stream/1?count=4097":          http.StatusBadRequest,
		"transfers/7/stream/1?count=4294967297":    http.StatusBadRequest,
		"transfers/7/pages":                        http.StatusOK,
		"transfers/7/pages?from=65535":             http.StatusOK,
		"transfers/7/pages?from=65536":             http.StatusBadRequest,
		"transfers/7/pages?from=-1":                http.StatusBadRequest,
		"transfers/18446744073709551616/skeleton":  http.StatusBadRequest,
		"sessions/00/clock":                        http.StatusBadRequest,
	} {
		s := newFake()
		res := ask(testHandler(s), "GET", "/api/v1/agent/"+path, "agent", "")
		if called := len(s.Calls()) > 0; res.Code != want || called != (want == http.StatusOK) {
			t.Errorf("%s: %d, the service was called: %v: %.200s", path, res.Code, called, res.Body)
		}
	}
}

// What a device lacks is plain bytes, and no more of them than a list can have.
func TestAListOfLackingBlocksIsPlainBytes(t *testing.T) {
	for name, c := range map[string]struct {
		kind string
		size int
		want int
	}{
		"as it should be": {"application/octet-stream", groupcast.MaxLacksBytes, http.StatusNoContent},
		"too long":        {"application/octet-stream", groupcast.MaxLacksBytes + 1, http.StatusRequestEntityTooLarge},
		"JSON":            {"application/json", 2, http.StatusUnsupportedMediaType},
		"a form":          {"text/plain", 2, http.StatusUnsupportedMediaType},
	} {
		s := newFake()
		r := httptest.NewRequest("PUT", "https://server/api/v1/agent/transfers/7/lacks",
			strings.NewReader(strings.Repeat("x", c.size)))
		r.Header.Set("Content-Type", c.kind)
		r.Header.Set("Authorization", "Bearer agent")
		res := httptest.NewRecorder()
		testHandler(s).ServeHTTP(res, r)
		calls := s.Calls()
		if res.Code != c.want || (len(calls) > 0) != (c.want == http.StatusNoContent) {
			t.Errorf("%s: %d, %d calls: %.200s", name, res.Code, len(calls), res.Body)
		}
		if len(calls) > 0 && (calls[0].Args[0] != protocol.TransferNo(7) || len(calls[0].Args[1].([]byte)) != c.size) {
			t.Errorf("%s: %v", name, calls[0].Args[0])
		}
	}
}
