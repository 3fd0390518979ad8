package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
	"github.com/groupcast/groupcast/internal/paging"
	"github.com/groupcast/groupcast/internal/protocol"
)

// noList are the reads that answer an array and are not paged, and why.
var noList = reasons(map[string]string{
	"one point a second, 3,600 at most, and after goes on": "series",
})

// noTotal are the lists that do not count, and why.
var noTotal = reasons(map[string]string{"a search that ends after two seconds": "sent-files"})

// listsInObjects are the lists whose answers are objects with more than the rows.
const listsInObjects = " delivery-entries left-out sent-files "

// Every read of a list takes a limit of 1,000 at most and a way to go on, and says how many rows there are.
func TestEveryListIsPaged(t *testing.T) {
	h := testHandler(newFake())
	lists := 0
	for _, op := range documentedOperations(t, h) {
		answer := op.Responses["200"]
		kind := answer.Content["application/json"].Schema["type"]
		array := fmt.Sprint(kind) == "array" || strings.HasPrefix(fmt.Sprint(kind), "[array")
		if op.method != http.MethodGet || op.access == agents || (!array && !strings.Contains(listsInObjects, " "+op.id+" ")) {
			continue
		}
		if why, ok := noList[op.id]; ok {
			if op.takes("query", "limit") {
				t.Errorf("%s takes a limit; it is listed as no list: %s", op.id, why)
			}
			continue
		}
		lists++
		_, total := answer.Headers["X-Total-Count"]
		_, next := answer.Headers["X-Next-Cursor"]
		if _, excused := noTotal[op.id]; !op.takes("query", "limit") || !op.takes("query", "cursor") || !next ||
			total == excused {
			t.Errorf("%s: limit %v, cursor %v, X-Next-Cursor %v, X-Total-Count %v", op.id, op.takes("query", "limit"),
				op.takes("query", "cursor"), next, total)
		}
		path := samplePath.Replace(op.path) + "?name=x&"
		if res := askWith(h, "GET", path+"limit=1001", ""); res.Code != http.StatusBadRequest {
			t.Errorf("%s with a limit of 1,001: %d", op.id, res.Code)
		}
		if res := askWith(h, "GET", path+"cursor=nonsense", ""); res.Code != http.StatusBadRequest {
			t.Errorf("%s with a cursor that is none: %d", op.id, res.Code)
		}
	}
	if lists < 20 {
		t.Errorf("found %d lists", lists)
	}
}

// crowd is a service with long lists.
type crowd struct {
	*httpapitest.Service
	no int // the newest transfer
}

func (c *crowd) Transfers(
	_ context.Context, _ groupcast.Principal, f groupcast.TransferFilter,
) (groupcast.Page[groupcast.Transfer], error) {
	var all []groupcast.Transfer
	for no := c.no; no > 0; no-- {
		state := groupcast.TransferDone
		if no%10 == 0 {
			state = groupcast.TransferHeld
		}
		all = append(all, groupcast.Transfer{
			No: protocol.TransferNo(no), Name: fmt.Sprintf("Exam %d", no), Group: "lab", State: state,
		}.Stand())
	}
	return paging.Cut(all, groupcast.Window{From: f.From, Limit: f.Limit}), nil
}

func (c *crowd) Devices(
	_ context.Context, _ groupcast.Principal, _ groupcast.DeviceFilter, w groupcast.Window,
) (groupcast.Page[groupcast.Device], error) {
	all := make([]groupcast.Device, 1500)
	for i := range all {
		all[i] = groupcast.Device{
			User: "mia", Name: fmt.Sprintf("pc-%04d", i), Active: i%2 == 0, Groups: []string{fmt.Sprint("g", i%3)},
			Owed: i % 5, Labels: groupcast.Labels{"room": fmt.Sprint(i % 4)},
		}
	}
	return paging.Cut(all, w), nil
}

func (c *crowd) Pending(
	_ context.Context, _ groupcast.Principal, _ string, w groupcast.Window,
) (out groupcast.Page[groupcast.PendingTransfer], _ error) {
	const transfers, each = 5, 3
	out.Total = transfers * each
	for i := w.From; i < min(w.From+w.Limit, out.Total); i++ {
		no := protocol.TransferNo(i/each + 1)
		d := groupcast.Delivery{Transfer: no, User: "mia", Device: fmt.Sprint("pc-", i%each)}
		if n := len(out.Rows); n == 0 || out.Rows[n-1].Transfer.No != no {
			out.Rows = append(out.Rows, groupcast.PendingTransfer{Transfer: groupcast.Transfer{No: no}})
		}
		last := &out.Rows[len(out.Rows)-1]
		last.Deliveries = append(last.Deliveries, d)
	}
	return out, nil
}

// walk reads a list to its end by its cursors.
func walk[T any](t *testing.T, h http.Handler, path string, between func()) (all []T, total string) {
	t.Helper()
	for cursor := ""; ; {
		res := askWith(h, "GET", prefix+path+"&cursor="+cursor, "")
		var some []T
		if err := json.Unmarshal(res.Body.Bytes(), &some); err != nil || res.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, res.Code, res.Body)
		}
		all, total = append(all, some...), res.Header().Get("X-Total-Count")
		if cursor = res.Header().Get("X-Next-Cursor"); cursor == "" {
			return all, total
		}
		between()
	}
}

// New transfers while a list is read push none of the others onto two pages.
func TestNewRowsDoNotMoveACursor(t *testing.T) {
	c := &crowd{newFake(), 250}
	all, total := walk[groupcast.Transfer](t, testHandler(c), "/transfers?limit=40", func() { c.no += 7 })
	if len(all) != 250 || total != "292" {
		t.Fatalf("%d rows, %s in all", len(all), total)
	}
	for i, tr := range all {
		if int(tr.No) != 250-i {
			t.Fatalf("row %d is transfer %d", i, tr.No)
		}
	}
}

func TestListFilters(t *testing.T) {
	h := testHandler(&crowd{newFake(), 250})
	for path, want := range map[string]int{
		"/transfers?state=held": 25, "/transfers?state=held,done": 250, "/transfers?state=failed": 0,
		"/transfers?text=EXAM+120": 1, "/transfers?text=exam+lab&state=held": 25, "/transfers?text=lab&limit=7": 250,
		"/devices?online=true": 750, "/devices?online=false": 750, "/devices?group=g1": 500, "/devices?owed=false": 300,
		"/devices?text=room%3D3": 375, "/devices?text=pc-0001": 1, "/devices?online=true&group=g0": 250,
	} {
		all, total := walk[map[string]any](t, h, path, func() {})
		if len(all) != want || total != fmt.Sprint(want) {
			t.Errorf("%s: %d rows, %s in all, want %d", path, len(all), total, want)
		}
	}
	if res := askWith(h, "GET", prefix+"/devices?online=maybe", ""); res.Code != http.StatusBadRequest {
		t.Errorf("online=maybe: %d", res.Code)
	}
}

// A cursor is for the filters that it came with.
func TestACursorBelongsToItsFilters(t *testing.T) {
	h := testHandler(&crowd{newFake(), 250})
	next := askWith(h, "GET", prefix+"/transfers?limit=5&state=held", "").Header().Get("X-Next-Cursor")
	for query, want := range map[string]int{"state=held&limit=9": 200, "limit=5": 400, "state=done": 400} {
		if res := askWith(h, "GET", prefix+"/transfers?"+query+"&cursor="+next, ""); res.Code != want {
			t.Errorf("%s: %d", query, res.Code)
		}
	}
	if res := askWith(h, "GET", prefix+"/devices?state=held&cursor="+next, ""); res.Code != http.StatusBadRequest {
		t.Errorf("of another list: %d", res.Code)
	}
}

// What is pending is counted in deliveries; a transfer may be on two pages, a delivery is on one.
func TestPendingIsPagedByDelivery(t *testing.T) {
	all, total := walk[groupcast.PendingTransfer](t, testHandler(&crowd{newFake(), 1}), "/pending?limit=4", func() {})
	seen := map[string]int{}
	for _, p := range all {
		for _, d := range p.Deliveries {
			seen[fmt.Sprint(d.Transfer, d.Device)]++
		}
	}
	if len(seen) != 15 || total != "15" || len(all) < 5 {
		t.Errorf("%d deliveries in %d rows, %s in all", len(seen), len(all), total)
	}
	for name, n := range seen {
		if n != 1 {
			t.Errorf("%s is there %d times", name, n)
		}
	}
}
