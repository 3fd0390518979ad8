package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/groupcast/groupcast"
)

// TestLongListsAreReadPieceByPiece: an answer has at most 1,000 rows, and says how many there are.
func TestLongListsAreReadPieceByPiece(t *testing.T) {
	h := testHandler(crowdedService{newFake()})
	for _, c := range []struct {
		query, first string
		rows         int
	}{
		{"?limit=1000", "u0000", 1000},
		{"?limit=1000&from=2000", "u2000", 500},
		{"?from=2499", "u2499", 1},
		{"?limit=1000&from=2500", "", 0},
		{"?from=9223372036854775807", "", 0},
		{"", "u0000", 1000},
	} {
		t.Run(fmt.Sprint(c.query, " ", c.first, " ", c.rows), func(t *testing.T) {
			var got []groupcast.User
			res := ask(h, "GET", "/api/v1/users"+c.query, "cli-admin", "")
			if err := json.Unmarshal(res.Body.Bytes(), &got); err != nil || len(got) != c.rows ||
				res.Header().Get("X-Total-Count") != "2500" || (c.rows > 0 && got[0].Name != c.first) {
				t.Errorf("%q: %d rows, %v", c.query, len(got), err)
			}
		})
	}
	for _, query := range []string{"?limit=1001", "?limit=-1", "?from=-1", "?from=x"} {
		t.Run(query, func(t *testing.T) {
			if res := ask(h, "GET", "/api/v1/users"+query, "cli-admin", ""); res.Code != http.StatusUnprocessableEntity &&
				res.Code != http.StatusBadRequest {
				t.Errorf("%s: got %d %s", query, res.Code, res.Body)
			}
		})
	}
}
