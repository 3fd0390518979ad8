package apiclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
)

// eventsOf reads a stream to its end.
func eventsOf(r io.Reader) (out []string, err error) {
	err = readEvents(r, func(kind string, data []byte) error {
		out = append(out, kind+"|"+string(data))
		return nil
	})
	return out, err
}

// FuzzReadEvents: whatever comes, and in whatever pieces, the same events come out; of a stream that
// is cut anywhere those before the cut; and together they are no longer than what came.
func FuzzReadEvents(f *testing.F) {
	f.Add([]byte("id: 1\nevent: a\ndata: {\"x\":1}\n\n: \n\ndata: y\n\n"), uint16(20))
	f.Add([]byte("data\n\ndata:\r\n\r\n"), uint16(3))
	f.Add([]byte("retry: 5000\n\nevent: cut\ndata: {\"code\":\"unavailable\"}\n\n"), uint16(30))
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		all, err := eventsOf(bytes.NewReader(in))
		total := 0
		for _, e := range all {
			total += len(e) - 1
		}
		if err == nil || total > len(in) {
			t.Fatalf("%d bytes gave %d, %v", len(in), total, err)
		}
		pieces, again := eventsOf(iotest.OneByteReader(bytes.NewReader(in)))
		if !slices.Equal(all, pieces) || !errors.Is(again, io.EOF) {
			t.Fatalf("byte by byte %q, %v; at once %q", pieces, again, all)
		}
		head, _ := eventsOf(bytes.NewReader(in[:min(int(cut), len(in))]))
		if len(head) > len(all) || !slices.Equal(head, all[:len(head)]) {
			t.Fatalf("cut at %d: %q, whole: %q", cut, head, all)
		}
	})
}

// FuzzEventData: what an event carries is read or refused, and what was read is written the same.
func FuzzEventData(f *testing.F) {
	for _, e := range []any{
		groupcast.Event{Version: 3, Kind: groupcast.EventProgress, Group: "lab", Transfer: 7},
		groupcast.AgentEvent{Kind: groupcast.AgentOffer, Offer: &groupcast.Offered{Offer: []byte{1}, Signature: []byte{2}}},
		groupcast.AgentState{},
		groupcast.Handout{SessionSecret: []byte{1}},
		groupcast.Transfer{No: 1},
	} {
		b, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	kinds := []reflect.Type{
		reflect.TypeFor[groupcast.Event](), reflect.TypeFor[groupcast.AgentEvent](), reflect.TypeFor[groupcast.AgentState](),
		reflect.TypeFor[groupcast.Handout](), reflect.TypeFor[groupcast.Transfer](),
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, kind := range kinds {
			v := reflect.New(kind).Interface()
			if json.Unmarshal(in, v) != nil {
				continue
			}
			out, err := json.Marshal(v)
			if err != nil {
				continue // a time past the year 9999 is read and cannot be written
			}
			again := reflect.New(kind).Interface()
			if err := json.Unmarshal(out, again); err != nil {
				t.Fatalf("%v: %s was written as %s: %v", kind, in, out, err)
			}
			if twice, err := json.Marshal(again); err != nil || !bytes.Equal(out, twice) {
				t.Fatalf("%v: %s, then %s: %v", kind, out, twice, err)
			}
		}
	})
}

// FuzzProblem: whatever a server answers with is an error in words with a code.
func FuzzProblem(f *testing.F) {
	f.Add(409, []byte(`{"title":"Conflict","status":409,"detail":"no","hint":"do","code":"conflict"}`))
	f.Add(500, []byte(`<html>`))
	f.Add(400, []byte(`{"code":"invalid","detail":"x","bad":{"count":-1,"entries":[{"path":"a"}]}}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		res := &http.Response{StatusCode: status, Status: strconv.Itoa(status), Body: io.NopCloser(bytes.NewReader(body))}
		var e *groupcast.Error
		if err := decodeProblem(res, "here"); !errors.As(err, &e) || e.Code == "" || e.Message == "" || e.Error() == "" {
			t.Fatalf("%q: %#v", body, err)
		}
		if cut := cutOff(body); groupcast.ErrorCode(cut) == "" {
			t.Fatalf("%q: %v", body, cut)
		}
	})
}

// FuzzParseAddress: what is taken for an address of a server has a host and a port, and is read
// again as it was written.
func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{
		"https://host:7440", "10.0.0.1", "[::1]:1", "::1", "fe80::1%eth0", "https://", "a:0",
		"a:65536", "[a", "a]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		addr, err := ParseAddress(s)
		if err != nil {
			if groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		host, port, err := net.SplitHostPort(addr)
		if n, wrong := strconv.ParseUint(port, 10, 16); err != nil || wrong != nil || n == 0 || host == "" {
			t.Fatalf("%q was taken for %q: %v", s, addr, err)
		}
		if again, err := ParseAddress(addr); err != nil || again != addr {
			t.Fatalf("%q, then %q, %v", addr, again, err)
		}
		c, err := New(Config{Address: addr, Pin: pki.Pin{ID: protocol.ServerID{1}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := http.NewRequest("GET", c.base+"/api/v1/me", nil); err != nil {
			t.Fatalf("%q was taken for %q, which no request can be made to: %v", s, addr, err)
		}
	})
}

// manyEvents writes n events, and then nothing.
type manyEvents struct {
	n, at int
	rest  []byte
}

func (m *manyEvents) Read(p []byte) (int, error) {
	if len(m.rest) == 0 {
		if m.at == m.n {
			return 0, io.EOF
		}
		m.at++
		m.rest = fmt.Appendf(m.rest[:0], "id: %d\nevent: transfer\ndata: {\"version\":%d,\"kind\":\"transfer\"}\n\n: \n\n",
			m.at, m.at)
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

// TestAMillionEvents: each comes once, in order, and none stays in memory.
func TestAMillionEvents(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 100_000
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	seen := 0
	err := readEvents(&manyEvents{n: n}, func(kind string, data []byte) error {
		if seen++; kind != "transfer" || !strings.HasPrefix(string(data), `{"version":`+strconv.Itoa(seen)+",") {
			t.Fatalf("event %d is %s %s", seen, kind, data)
		}
		if seen == n/2 {
			runtime.GC()
			runtime.ReadMemStats(&after)
		}
		return nil
	})
	if !errors.Is(err, io.EOF) || seen != n {
		t.Errorf("%d events, %v", seen, err)
	}
	if after.HeapAlloc > before.HeapAlloc+1<<20 {
		t.Errorf("half-way %d bytes are held, %d before", after.HeapAlloc, before.HeapAlloc)
	}
}

// TestAStreamIsCutAnywhere: an event counts once its blank line came, and not before.
func TestAStreamIsCutAnywhere(t *testing.T) {
	stream := "retry: 5000\n\nid: 1\nevent: a\ndata: {\"x\":1}\n\n: \n\nevent: b\ndata: y\ndata: z\n\n"
	all, _ := eventsOf(strings.NewReader(stream))
	for cut := range len(stream) {
		for _, r := range []io.Reader{
			strings.NewReader(stream[:cut]),
			iotest.OneByteReader(strings.NewReader(stream[:cut])),
		} {
			got, err := eventsOf(r)
			whole := strings.Count(stream[:cut], "}\n\n") + strings.Count(stream[:cut], "z\n\n")
			if !errors.Is(err, io.EOF) || !slices.Equal(got, all[:whole]) {
				t.Fatalf("cut at %d: %q, %v; want %d events", cut, got, err, whole)
			}
		}
	}
	broken := io.MultiReader(strings.NewReader(stream[:40]), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := eventsOf(broken); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a broken connection ends with %v", err)
	}
}
