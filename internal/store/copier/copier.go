// Package copier copies all that a server keeps from one database into an empty one of the other engine: in one
// transaction, and read back in it. What cannot be copied as it is ends it, and leaves the target empty.
package copier

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/groupcast/groupcast"
)

// Table is what was copied of a table.
type Table struct {
	Name string `json:"name"`
	Rows int    `json:"rows"`
}

// Copied is what was copied.
type Copied struct {
	Tables []Table
	Texts  int // texts in which something was replaced that PostgreSQL does not take: NUL, or what is no UTF-8
}

// apart is what is of one database only: which servers work with it.
var apart = []string{"nodes", "active_node"}

// signs are the tables that say, with a row, that a database is used.
var signs = []string{"users", "transfers", "audit", "settings"}

// column is a column as its engine has it.
type column struct {
	name     string
	boolean  bool // the engine has a type for it
	bytes    bool
	nullable bool
	counts   bool // the engine numbers its rows
}

// table is a table as its engine has it.
type table struct {
	name    string
	columns []column
	before  []string // tables that its rows refer to
}

// copyAll copies every table that the target has.
func copyAll(ctx context.Context, from, to side) (out Copied, err error) {
	tables, err := to.tables(ctx)
	if err != nil {
		return out, err
	}
	tables = inOrder(slices.DeleteFunc(tables, func(t table) bool { return slices.Contains(apart, t.name) }))
	if err := isEmpty(ctx, to); err != nil {
		return out, err
	}
	for _, t := range slices.Backward(tables) { // what the migrations put there
		if _, err := to.tx.ExecContext(ctx, "DELETE FROM "+t.name); err != nil {
			return out, fmt.Errorf("empty the table %s: %w", t.name, err)
		}
	}
	for _, t := range tables {
		n, err := copyTable(ctx, from, to, t, &out)
		if err != nil {
			return out, fmt.Errorf("copy the table %s: %w", t.name, err)
		}
		out.Tables = append(out.Tables, Table{t.name, n})
	}
	return out, nil
}

func isEmpty(ctx context.Context, to side) error {
	for _, name := range signs {
		var n int
		if err := to.tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+name).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return groupcast.Errorf(groupcast.EConflict, "the database %s is not empty: it has %d rows in %s", to.name, n, name).
				WithHint("name one that is empty, or that does not exist")
		}
	}
	return nil
}

// inOrder puts what is referred to before what refers to it.
func inOrder(tables []table) (out []table) {
	done := map[string]bool{}
	var add func(t table)
	add = func(t table) {
		if done[t.name] {
			return
		}
		done[t.name] = true
		for _, name := range t.before {
			if i := slices.IndexFunc(tables, func(t table) bool { return t.name == name }); i >= 0 {
				add(tables[i])
			}
		}
		out = append(out, t)
	}
	for _, t := range tables {
		add(t)
	}
	return out
}

// atOnce bounds the values of one statement.
const atOnce = 8000

// copyTable copies the rows of a table, and holds what came against what was read.
func copyTable(ctx context.Context, from, to side, t table, out *Copied) (int, error) {
	var read, came sum
	var rows [][]any
	most := max(1, min(200, atOnce/len(t.columns)))
	err := eachRow(ctx, from, t, func(row []any) error {
		for i := range row {
			row[i] = to.takes(t.columns[i], row[i], &out.Texts)
		}
		read.add(row)
		if rows = append(rows, row); len(rows) < most {
			return nil
		}
		err := insert(ctx, to, t, rows)
		rows = rows[:0]
		return err
	})
	if err == nil && len(rows) > 0 {
		err = insert(ctx, to, t, rows)
	}
	if err == nil {
		err = to.renumber(ctx, t)
	}
	if err == nil {
		err = eachRow(ctx, to, t, func(row []any) error { came.add(row); return nil })
	}
	if err == nil && read != came {
		err = groupcast.Errorf(groupcast.EInternal, "%d rows were read, and the %d that came are not those", read.rows,
			came.rows)
	}
	return read.rows, err
}

func names(t table) string {
	out := make([]string, len(t.columns))
	for i, c := range t.columns {
		out[i] = c.name
	}
	return strings.Join(out, ", ")
}

func eachRow(ctx context.Context, s side, t table, f func(row []any) error) error {
	rows, err := s.tx.QueryContext(ctx, "SELECT "+names(t)+" FROM "+t.name)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		row, at := make([]any, len(t.columns)), make([]any, len(t.columns))
		for i := range row {
			at[i] = &row[i]
		}
		if err := rows.Scan(at...); err != nil {
			return err
		}
		for i, c := range t.columns {
			if b, is := row[i].([]byte); c.bytes && !c.nullable && (row[i] == nil || is && b == nil) {
				row[i] = []byte{} // an empty one, as the driver gives it
			}
		}
		if err := f(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

func insert(ctx context.Context, to side, t table, rows [][]any) error {
	var text strings.Builder
	text.WriteString("INSERT INTO " + t.name + " (" + names(t) + ")" + to.numbered(t) + " VALUES ")
	var args []any
	for i, row := range rows {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteByte('(')
		for j, v := range row {
			if j > 0 {
				text.WriteString(", ")
			}
			args = append(args, v)
			fmt.Fprintf(&text, "$%d", len(args))
		}
		text.WriteByte(')')
	}
	_, err := to.tx.ExecContext(ctx, text.String(), args...)
	return err
}

// sum is how many rows there are, and a number that says which, in any order.
type sum struct {
	rows int
	all  uint64
}

func (s *sum) add(row []any) {
	h := fnv.New64a()
	number := func(kind byte, n uint64) { h.Write(binary.BigEndian.AppendUint64([]byte{kind}, n)) }
	for _, v := range row {
		switch v := v.(type) {
		case nil:
			number('0', 0)
		case bool:
			n := uint64(0)
			if v {
				n = 1
			}
			number('i', n)
		case int64:
			number('i', uint64(v))
		case float64:
			number('f', math.Float64bits(v))
		case string:
			number('s', uint64(len(v)))
			h.Write([]byte(v))
		case []byte:
			number('b', uint64(len(v)))
			h.Write(v)
		default:
			panic(fmt.Sprintf("a column of type %T", v)) // neither engine has one
		}
	}
	s.rows++
	s.all += h.Sum64()
}

// cleaned is a text as PostgreSQL takes it.
func cleaned(text string) string {
	const replacement = string(utf8.RuneError)
	return strings.ReplaceAll(strings.ToValidUTF8(text, replacement), "\x00", replacement)
}
