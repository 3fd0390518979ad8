package httpapi

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/paging"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Window is which part of a list a request asks for. Every list takes it.
type Window struct {
	From   int    `query:"from" minimum:"0" doc:"How many rows to skip; cursor is better where the list may change"`
	Limit  int    `query:"limit" minimum:"0" maximum:"1000" doc:"Maximum number of rows; 0 means 1,000"`
	Cursor string `query:"cursor" maxLength:"8192" doc:"Go on here: X-Next-Cursor of the answer before"`

	of uint64
}

// window is w as the service takes it: never without a bound.
func (w Window) window() groupcast.Window {
	if w.Limit == 0 {
		w.Limit = paging.MaxLimit
	}
	return groupcast.Window{From: w.From, Limit: w.Limit}
}

// Resolve notes what else the request says: a cursor belongs to the list and its filters.
func (w *Window) Resolve(c huma.Context) []error {
	u := c.URL()
	w.of = listOf(&u)
	return nil
}

var _ huma.Resolver = (*Window)(nil)

// listOf is a hash of which list a request names, and how it is filtered.
func listOf(u *url.URL) uint64 {
	q := u.Query()
	for _, name := range []string{"from", "limit", "cursor"} {
		q.Del(name)
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%s?%s", u.Path, q.Encode())
	return h.Sum64()
}

// asked is what the paging needs of an input that has a Window.
func (w Window) asked() paging.Query {
	return paging.Query{From: w.From, Limit: w.Limit, Cursor: w.Cursor, Of: w.of}
}

type windowed interface{ asked() paging.Query }

// Counted is what the answer of a list says in its header.
type Counted struct {
	Total int    `header:"X-Total-Count" doc:"How many rows the whole list has, with these filters"`
	Next  string `header:"X-Next-Cursor" doc:"The cursor for what follows; left out at the end of the list"`
}

// page is a part of a list.
type page[T any] struct {
	Counted
	Body []T
}

// rows says how a list is read: key is where a row stands in it (paging.List), keep makes its filter of the input.
type rows[I, T any] struct {
	read func(context.Context, groupcast.Principal, *I, groupcast.Window) (groupcast.Page[T], error)
	key  func(T) string
	keep func(*I) func(T) bool // nil, or gives nil: nothing is filtered here
}

// piece reads the part of the list that is asked for.
func (l rows[I, T]) piece(ctx context.Context, in *I) (paging.Piece[T], error) {
	p := principalOf(ctx)
	list := paging.List[T]{Key: l.key, Read: func(w groupcast.Window) (groupcast.Page[T], error) {
		return l.read(ctx, p, in, w)
	}}
	if l.keep != nil {
		list.Keep = l.keep(in)
	}
	out, err := paging.Read(any(in).(windowed).asked(), list)
	if out.Rows == nil {
		out.Rows = []T{}
	}
	return out, err
}

// paged adds an operation that answers with a part of a list. I has a Window.
func paged[I, T any](a *api, r route, l rows[I, T]) {
	registerOutput(a, a.operation(r), func(ctx context.Context, in *I) (*page[T], error) {
		out, err := l.piece(ctx, in)
		return &page[T]{Counted{out.Total, out.Next}, out.Rows}, err
	})
}

// in memory makes the reader of a list that the service gives as a whole.
func inMemory[I, T any](
	all func(context.Context, groupcast.Principal, *I) ([]T, error),
) func(context.Context, groupcast.Principal, *I, groupcast.Window) (groupcast.Page[T], error) {
	return func(ctx context.Context, p groupcast.Principal, in *I, w groupcast.Window) (groupcast.Page[T], error) {
		out, err := all(ctx, p, in)
		return paging.Cut(out, w), err
	}
}

// Keys of rows: names in their order, and numbers from the highest down.

func names(all ...string) string { return strings.Join(all, "\x00") }

func instant(t time.Time) string { return fmt.Sprintf("%020d", t.UnixMicro()) }

func newest(no protocol.TransferNo) string { return fmt.Sprintf("%020d", math.MaxUint64-uint64(no)) }

func oldest(no protocol.TransferNo) string { return fmt.Sprintf("%020d", no) }

// has makes a filter of words: each of them is in one of the texts, in whatever case. nil without words.
func has[T any](words string, texts func(T) []string) func(T) bool {
	wanted := strings.FieldsFunc(strings.ToLower(words), unicode.IsSpace)
	if len(wanted) == 0 {
		return nil
	}
	return func(row T) bool {
		all := strings.ToLower(names(texts(row)...))
		for _, word := range wanted {
			if !strings.Contains(all, word) {
				return false
			}
		}
		return true
	}
}

// all joins filters; nil if there are none.
func all[T any](filters ...func(T) bool) func(T) bool {
	var some []func(T) bool
	for _, f := range filters {
		if f != nil {
			some = append(some, f)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return func(row T) bool {
		for _, f := range some {
			if !f(row) {
				return false
			}
		}
		return true
	}
}

// is makes a filter of a value that a query may name; several stand between commas. nil for none.
func is[T any](wanted string, of func(T) string) func(T) bool {
	if wanted == "" {
		return nil
	}
	any := map[string]bool{}
	for one := range strings.SplitSeq(wanted, ",") {
		any[strings.TrimSpace(one)] = true
	}
	return func(row T) bool { return any[of(row)] }
}
