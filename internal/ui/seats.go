package ui

import (
	"strconv"
	"strings"

	"github.com/groupcast/groupcast"
)

// Seats is a seat map as a table, with the titles of its columns: a line for each row of the room, a point for a seat
// that nobody has. Devices of the same name have their user with it.
func Seats(m groupcast.SeatMap) (head string, rows [][]string) {
	titles := make([]string, 0, m.Columns+1)
	titles = append(titles, "ROW")
	for n := range m.Columns {
		titles = append(titles, strconv.Itoa(n+1))
	}
	named := map[string]int{}
	for _, s := range m.Seats {
		named[s.Device]++
	}
	for r := range m.Rows {
		row := make([]string, m.Columns+1)
		row[0] = strconv.Itoa(r + 1)
		for i := range m.Columns {
			row[i+1] = "·"
		}
		rows = append(rows, row)
	}
	for _, s := range m.Seats {
		if s.Row < 1 || s.Row > m.Rows || s.Column < 1 || s.Column > m.Columns {
			continue // from a server that says more than its own grid has
		}
		text := s.Device
		if named[s.Device] > 1 {
			text = s.User + "/" + s.Device
		}
		rows[s.Row-1][s.Column] = text
	}
	return strings.Join(titles, "|"), rows
}
