package ui_test

import (
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
)

func TestSeatsAreAPictureOfTheRoom(t *testing.T) {
	m := groupcast.SeatMap{Rows: 2, Columns: 3, Version: 1, Seats: []groupcast.Seat{
		{Device: "pc-1", User: "mia", Row: 1, Column: 1},
		{Device: "pc-2", User: "mia", Row: 1, Column: 3},
		{Device: "pc-2", User: "noah", Row: 2, Column: 2},
		{Device: "beyond", User: "eve", Row: 3, Column: 1},
		{Device: "before", User: "eve", Row: 0, Column: 1},
		{Device: "beside", User: "eve", Row: 1, Column: 4},
	}}
	got := strings.Join(ui.Table(ui.Seats(m)), "\n")
	want := strings.Join([]string{
		"ROW  1     2          3",
		"1    pc-1  ·          mia/pc-2",
		"2    ·     noah/pc-2  ·",
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if lines := ui.Table(ui.Seats(groupcast.SeatMap{})); len(lines) != 1 {
		t.Errorf("of no map: %q", lines)
	}
}
