package delivery

import (
	"fmt"
	"math"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/store"
)

// TestPendingIsReadRowByRow: a window counts owed deliveries, over the transfers they belong to.
func TestPendingIsReadRowByRow(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("lab")
		for i := range 3 {
			w.enrol(fmt.Sprintf("u%d", i), "lab")
		}
		for range 4 {
			w.send("lab", func(n *store.Transfer) { n.Hold = true })
		}
		for _, c := range []struct {
			from, limit, transfers, rows int
		}{
			{0, 0, 4, 12},
			{0, 2, 1, 2},
			{2, 2, 2, 2},
			{3, 3, 1, 3},
			{11, 10, 1, 1},
			{12, 5, 0, 0},
			{0, math.MaxInt, 4, 12},
			{math.MaxInt, math.MaxInt, 0, 0},
			{5, 0, 3, 7},
			{5, math.MaxInt, 3, 7},
		} {
			got, err := w.Pending(w.ctx, "", groupcast.Window{From: c.from, Limit: c.limit})
			w.must(err)
			rows := 0
			for _, p := range got.Rows {
				rows += len(p.Deliveries)
			}
			if got.Total != 12 || len(got.Rows) != c.transfers || rows != c.rows {
				t.Errorf("from %d, %d: %d rows of %d transfers, %d in all; want %d of %d, 12", c.from, c.limit, rows,
					len(got.Rows), got.Total, c.rows, c.transfers)
			}
		}
	})
}
