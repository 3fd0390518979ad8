// Package paging reads long lists piece by piece, all in one way: from a row on, or from a cursor on, which stays
// right when rows come or go between two pieces. Filters that the store does not know are applied here.
package paging

import (
	"encoding/base64"
	"encoding/binary"
	"sort"

	"github.com/groupcast/groupcast"
)

// Rows of an answer.
const (
	MaxLimit  = 1000 // also without a limit
	maxCursor = 8 << 10
)

// Query is which piece a client asks for.
type Query struct {
	From   int
	Limit  int    // 0: MaxLimit
	Cursor string // of an earlier piece; empty: From
	Of     uint64 // a hash of what else the request says: a cursor is for the same list with the same filters
}

// List is how a list is read.
type List[T any] struct {
	Read func(groupcast.Window) (groupcast.Page[T], error)
	// Key is where a row stands: the list is in the order of the keys, and no two rows have the same one. Without it
	// a cursor counts rows: for lists that do not change.
	Key  func(T) string
	Keep func(T) bool // is the row asked for? nil: all are
}

// Piece is a part of a list.
type Piece[T any] struct {
	Rows  []T
	Total int    // rows of the whole list
	Next  string // cursor of what follows; empty: this was the end
}

// Read reads the piece that is asked for.
func Read[T any](q Query, l List[T]) (out Piece[T], err error) {
	if q.Limit <= 0 || q.Limit > MaxLimit {
		q.Limit = MaxLimit
	}
	if l.Keep != nil {
		all, err := l.kept()
		if err != nil {
			return out, err
		}
		l.Read = func(w groupcast.Window) (groupcast.Page[T], error) { return Cut(all, w), nil }
	}
	start, page := max(q.From, 0), groupcast.Page[T]{}
	if q.Cursor == "" {
		page, err = l.Read(groupcast.Window{From: start, Limit: q.Limit})
	} else {
		start, page, err = l.after(q)
	}
	if err != nil {
		return out, err
	}
	out = Piece[T]{Rows: page.Rows, Total: page.Total}
	if end := start + len(out.Rows); len(out.Rows) > 0 && end < out.Total {
		c := cursor{of: q.Of, at: uint64(end)}
		if l.Key != nil {
			c.key = l.Key(out.Rows[len(out.Rows)-1])
		}
		out.Next = c.String()
	}
	return out, nil
}

// kept reads the whole list and leaves out what is not asked for.
func (l List[T]) kept() (all []T, err error) {
	for from := 0; ; {
		page, err := l.Read(groupcast.Window{From: from, Limit: MaxLimit})
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			if l.Keep(row) {
				all = append(all, row)
			}
		}
		if from += len(page.Rows); len(page.Rows) == 0 || from >= page.Total {
			return all, nil
		}
	}
}

// after reads on where a cursor stands, and says which row that is now.
func (l List[T]) after(q Query) (start int, page groupcast.Page[T], err error) {
	c, ok := parse(q.Cursor)
	if !ok || c.of != q.Of {
		return 0, page, errForeign()
	}
	start = int(c.at)
	if l.Key == nil || start == 0 {
		page, err = l.Read(groupcast.Window{From: start, Limit: q.Limit})
		return start, page, err
	}
	// The row that was read last, if it is where it was, and what follows.
	page, err = l.Read(groupcast.Window{From: start - 1, Limit: q.Limit + 1})
	if err != nil {
		return 0, page, err
	}
	if len(page.Rows) > 0 && l.Key(page.Rows[0]) == c.key {
		page.Rows = page.Rows[1:]
		return start, page, nil
	}
	start = sort.Search(page.Total, func(i int) bool {
		one, readErr := l.Read(groupcast.Window{From: i, Limit: 1})
		if readErr != nil {
			err = readErr
		}
		return len(one.Rows) == 0 || l.Key(one.Rows[0]) > c.key
	})
	if err != nil {
		return 0, page, err
	}
	page, err = l.Read(groupcast.Window{From: start, Limit: q.Limit})
	for len(page.Rows) > 0 && l.Key(page.Rows[0]) <= c.key { // the list changed while it was searched
		page.Rows, start = page.Rows[1:], start+1
	}
	return start, page, err
}

// Cut is the part of a list that is in memory.
func Cut[T any](all []T, w groupcast.Window) groupcast.Page[T] {
	rest := all[min(max(w.From, 0), len(all)):]
	if w.Limit > 0 {
		rest = rest[:min(w.Limit, len(rest))]
	}
	return groupcast.Page[T]{Rows: rest, Total: len(all)}
}

// cursor is where a piece ended.
type cursor struct {
	of, at uint64
	key    string
}

const cursorVersion = 1

func (c cursor) String() string {
	b := binary.AppendUvarint([]byte{cursorVersion}, c.at)
	b = binary.BigEndian.AppendUint64(b, c.of)
	return base64.RawURLEncoding.EncodeToString(append(b, c.key...))
}

func parse(text string) (c cursor, ok bool) {
	if len(text) > maxCursor {
		return c, false
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) == 0 || b[0] != cursorVersion {
		return c, false
	}
	at, n := binary.Uvarint(b[1:])
	if n <= 0 || at > 1<<62 || len(b) < 1+n+8 {
		return c, false
	}
	b = b[1+n:]
	return cursor{at: at, of: binary.BigEndian.Uint64(b), key: string(b[8:])}, true
}

// CursorAt is a cursor of a list that goes on by a number that its rows have.
func CursorAt(n, of uint64) string { return cursor{of: of, at: n}.String() }

// Mark gives the number of such a cursor.
func Mark(text string, of uint64) (uint64, error) {
	c, ok := parse(text)
	if !ok || c.of != of {
		return 0, errForeign()
	}
	return c.at, nil
}

func errForeign() error {
	return groupcast.Errorf(groupcast.EInvalid, "the cursor is not one of this list").
		WithHint("send it as it was answered, with the same filters; begin without one")
}
