package paging

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

// changing is a sorted list that others change.
type changing struct {
	rows  []string
	reads int
}

func (c *changing) list() List[string] {
	return List[string]{
		Read: func(w groupcast.Window) (groupcast.Page[string], error) {
			c.reads++
			return Cut(slices.Clone(c.rows), w), nil
		},
		Key: func(s string) string { return s },
	}
}

func (c *changing) add(s string) {
	if at, there := slices.BinarySearch(c.rows, s); !there {
		c.rows = slices.Insert(c.rows, at, s)
	}
}

func (c *changing) remove(s string) {
	if at, there := slices.BinarySearch(c.rows, s); there {
		c.rows = slices.Delete(c.rows, at, at+1)
	}
}

// Whatever comes and goes between two pieces, what is there from the first to the last is read once.
func TestWhatStaysIsReadOnce(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := &changing{}
		stays := map[string]int{}
		for range 1 + r.IntN(60) {
			name := fmt.Sprintf("%03d", r.IntN(1000))
			c.add(name)
			stays[name] = 0
		}
		q, seen := Query{Limit: 1 + r.IntN(7), Of: 5}, map[string]bool{}
		for {
			piece, err := Read(q, c.list())
			if err != nil || len(piece.Rows) > q.Limit || piece.Total != len(c.rows) {
				t.Fatalf("seed %d: %v, %d rows of %d", seed, err, len(piece.Rows), piece.Total)
			}
			for _, row := range piece.Rows {
				if seen[row] {
					t.Fatalf("seed %d: %s is there twice", seed, row)
				}
				seen[row] = true
			}
			if piece.Next == "" {
				break
			}
			q.Cursor = piece.Next
			for range r.IntN(6) {
				switch name := fmt.Sprintf("%03d", r.IntN(1000)); {
				case r.IntN(2) == 0:
					c.add(name)
				default:
					c.remove(name)
					delete(stays, name)
				}
			}
		}
		for name := range stays {
			if !seen[name] {
				t.Fatalf("seed %d: %s is missing", seed, name)
			}
		}
	}
}

// As long as nothing changes a piece is one read.
func TestAPieceIsOneRead(t *testing.T) {
	c := &changing{}
	for i := range 5000 {
		c.add(fmt.Sprintf("%05d", i))
	}
	q, pieces := Query{}, 0
	for {
		piece, err := Read(q, c.list())
		if err != nil {
			t.Fatal(err)
		}
		pieces++
		if q.Cursor = piece.Next; q.Cursor == "" {
			break
		}
	}
	if pieces != 5 || c.reads != 5 {
		t.Errorf("%d pieces, %d reads", pieces, c.reads)
	}
	c.add("000000")
	c.reads = 0
	first, _ := Read(Query{}, c.list())
	c.remove("000000")
	if _, err := Read(Query{Cursor: first.Next}, c.list()); err != nil || c.reads > 20 {
		t.Errorf("%d reads after a change, %v", c.reads, err)
	}
}

// A filter counts what it keeps.
func TestFilters(t *testing.T) {
	c := &changing{}
	for i := range 2500 {
		c.add(fmt.Sprintf("%05d", i))
	}
	l := c.list()
	l.Keep = func(s string) bool { return strings.HasSuffix(s, "7") }
	q, got := Query{Limit: 100}, 0
	for {
		piece, err := Read(q, l)
		if err != nil || piece.Total != 250 {
			t.Fatal(piece.Total, err)
		}
		got += len(piece.Rows)
		if q.Cursor = piece.Next; q.Cursor == "" {
			break
		}
	}
	if got != 250 {
		t.Errorf("%d rows", got)
	}
}

// A cursor of another list, or that is none, is refused.
func TestForeignCursors(t *testing.T) {
	c := &changing{rows: []string{"a", "b", "c"}}
	first, err := Read(Query{Limit: 1, Of: 1}, c.list())
	if err != nil || first.Next == "" {
		t.Fatal(first, err)
	}
	for _, q := range []Query{
		{Cursor: first.Next, Of: 2},
		{Cursor: "x", Of: 1},
		{Cursor: "!!", Of: 1},
		{Cursor: first.Next[:6], Of: 1},
		{Cursor: strings.Repeat("A", maxCursor+1), Of: 1},
		{Cursor: "AQ", Of: 1},
	} {
		if _, err := Read(q, c.list()); groupcast.ErrorCode(err) != groupcast.EInvalid {
			t.Errorf("%.20q of %d: %v", q.Cursor, q.Of, err)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add(cursor{of: 1, at: 2, key: "a"}.String())
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, text string) {
		c, ok := parse(text)
		if again, still := parse(c.String()); ok && (!still || again != c) {
			t.Errorf("%q is %+v, then %+v", text, c, again)
		}
	})
}
