package storetest

import (
	"fmt"
	"math"

	"github.com/groupcast/groupcast"
)

// windows reads the long lists piece by piece: no row twice, none left out.
func windows(w *world) {
	g := w.group("lab")
	var want, names, numbers []string
	for i := range 5 {
		u := w.user(fmt.Sprintf("u%d", i))
		want = append(want, u.Name)
		w.device(u, "pc")
		w.join(g, u)
		t, _ := w.transfer(g)
		numbers = append(numbers, fmt.Sprint(t.No))
	}
	pieces := func(what string, want []string, read func(groupcast.Window) []string) {
		w.Helper()
		var got []string
		for from := 0; from < 6; from += 2 {
			piece := read(groupcast.Window{From: from, Limit: 2})
			got = append(got, piece...)
		}
		equal(w, what, fmt.Sprint(got), fmt.Sprint(want))
		equal(w, what+" from the second on", fmt.Sprint(read(groupcast.Window{From: 1})), fmt.Sprint(want[1:]))
		equal(w, what+" far out", len(read(groupcast.Window{From: math.MaxInt64, Limit: math.MaxInt64})), 0)
	}
	pieces("users", want, func(v groupcast.Window) (out []string) {
		list, err := rows(w.s.Users(w.ctx, v))
		w.ok(err)
		for _, u := range list {
			out = append(out, u.Name)
		}
		return out
	})
	pieces("devices", want, func(v groupcast.Window) (out []string) {
		list, err := rows(w.s.Devices(w.ctx, "", v))
		w.ok(err)
		for _, d := range list {
			out = append(out, d.User)
		}
		return out
	})
	for i := range numbers {
		names = append(names, numbers[len(numbers)-1-i])
	}
	windowsOfGroup(w, g, want, numbers, pieces)
	transfers := func(f groupcast.TransferFilter) func(groupcast.Window) []string {
		return func(v groupcast.Window) (out []string) {
			f.From, f.Limit = v.From, v.Limit
			list, err := rows(w.s.Transfers(w.ctx, f))
			w.ok(err)
			for _, t := range list {
				out = append(out, fmt.Sprint(t.No))
			}
			return out
		}
	}
	pieces("transfers", names, transfers(groupcast.TransferFilter{}))
	pieces("open ones", names, transfers(groupcast.TransferFilter{Open: true}))
	pieces("the oldest first", numbers, transfers(groupcast.TransferFilter{Open: true, Oldest: true}))
}

// windowsOfGroup reads a group's members and what a transfer of it owes piece by piece, with how many there are.
func windowsOfGroup(
	w *world, g groupcast.Group, want, numbers []string, pieces func(string, []string, func(groupcast.Window) []string),
) {
	w.Helper()
	pieces("members", want, func(v groupcast.Window) (out []string) {
		list, err := w.s.Members(w.ctx, g.ID, v)
		w.ok(err)
		equal(w, "members in all", list.Total, len(want))
		for _, m := range list.Rows {
			out = append(out, m.User)
		}
		return out
	})
	first, err := w.s.Transfers(w.ctx, groupcast.TransferFilter{Oldest: true, Open: true, Limit: 1})
	w.ok(err)
	equal(w, "transfers in all", first.Total, len(numbers))
	pieces("deliveries", want, func(v groupcast.Window) (out []string) {
		list, err := w.s.Deliveries(w.ctx, first.Rows[0].No, v)
		w.ok(err)
		equal(w, "deliveries in all", list.Total, len(want))
		for _, d := range list.Rows {
			out = append(out, d.User)
		}
		return out
	})
	pieces("owed", want, func(v groupcast.Window) (out []string) {
		list, err := w.s.OwedOf(w.ctx, first.Rows[0].No, v)
		w.ok(err)
		for _, d := range list {
			out = append(out, d.User)
		}
		return out
	})
}

// held keeps what a transfer held, in stretches, and reads it piece by piece.
func held(w *world) {
	t, _ := w.transfer(w.group("lab"))
	empty, err := w.s.HeldFiles(w.ctx, t.No, groupcast.Window{})
	w.ok(err)
	equal(w, "before", empty.Total, 0)
	var files []groupcast.FileEntry
	for i := range 2500 {
		files = append(files, groupcast.FileEntry{Path: fmt.Sprintf("f%04d", i), Kind: "file", Size: uint64(i)})
	}
	for range 2 {
		w.ok(w.s.KeepFiles(w.ctx, t.No, 0, files[:1300]))
		w.ok(w.s.KeepFiles(w.ctx, t.No, 1300, files[1300:]))
	}
	for _, c := range []struct{ from, limit, rows int }{
		{0, 0, 2500},
		{0, 10, 10},
		{995, 10, 10},
		{2495, 10, 5},
		{2500, 10, 0},
		{math.MaxInt, math.MaxInt, 0},
		{7, math.MaxInt, 2493},
	} {
		got, err := w.s.HeldFiles(w.ctx, t.No, groupcast.Window{From: c.from, Limit: c.limit})
		w.ok(err)
		equal(w, "in all", got.Total, 2500)
		equal(w, fmt.Sprintf("from %d, %d", c.from, c.limit), len(got.Rows), c.rows)
		if c.rows > 0 {
			equal(w, "the first", got.Rows[0].Path, fmt.Sprintf("f%04d", c.from))
		}
	}
}
