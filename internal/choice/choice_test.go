package choice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// fake is a store, a library and the devices that are attached.
type fake struct {
	devices   []groupcast.Device
	attached  map[protocol.DeviceID]int
	transfers []store.Transfer
	lists     map[string][]string // by content
	broken    map[string]bool
	read      int // entries of lists
	fails     error
}

func (f *fake) Wire(dev protocol.DeviceID) (int, bool) { n, ok := f.attached[dev]; return n, ok }

func (f *fake) Devices(context.Context, string, groupcast.Window) (groupcast.Page[groupcast.Device], error) {
	return groupcast.Page[groupcast.Device]{Rows: f.devices}, f.fails
}

func (f *fake) Logins(
	context.Context, string, groupcast.Window, bool,
) (map[protocol.DeviceID]store.DeviceLogin, error) {
	out := map[protocol.DeviceID]store.DeviceLogin{}
	for _, d := range f.devices {
		out[d.ID] = store.DeviceLogin{Groups: d.Groups}
	}
	return out, nil
}

func (f *fake) Transfers(_ context.Context, q groupcast.TransferFilter) (groupcast.Page[store.Transfer], error) {
	rows := f.transfers[min(q.From, len(f.transfers)):]
	return groupcast.Page[store.Transfer]{Rows: rows[:min(len(rows), q.Limit)]}, f.fails
}

func (f *fake) HeldFiles(
	_ context.Context, no protocol.TransferNo, w groupcast.Window,
) (out groupcast.Page[groupcast.FileEntry], err error) {
	list := f.lists[fmt.Sprint(no)]
	for _, path := range list[w.From:min(len(list), w.From+w.Limit)] {
		out.Rows = append(out.Rows, groupcast.FileEntry{Path: path, Kind: "file"})
	}
	return out, f.fails
}

// files are those of a new transfer.
type files struct {
	*fake
	paths []string
}

func (f files) SharesFiles(_ context.Context, older string) (shares bool, read int, err error) {
	if f.broken[older] {
		return false, 0, errors.New("its list is broken")
	}
	for _, path := range f.lists[older] {
		read++
		shares = shares || slices.Contains(f.paths, path)
	}
	return shares, read + f.read, nil
}

func (f files) From(path string) (manifest.File, bool, error) {
	at, _ := slices.BinarySearch(f.paths, path)
	if at == len(f.paths) {
		return manifest.File{}, false, nil
	}
	return manifest.File{Path: f.paths[at], Kind: manifest.KindFile}, true, nil
}

var lab = groupcast.Group{ID: protocol.GroupID{1}, Name: "lab"}

func device(n byte, wire int, labels groupcast.Labels) groupcast.Device {
	return groupcast.Device{ID: protocol.DeviceID{n}, Wire: wire, Groups: []string{"lab"}, Labels: labels}
}

func (f *fake) paged(t *testing.T, whom groupcast.Selection, paths ...string) Reason {
	t.Helper()
	c := Choice{Store: f, Agents: f}
	why, err := c.Paged(t.Context(), lab, whom, files{f, paths})
	if !errors.Is(err, f.fails) {
		t.Fatal(err)
	}
	return why
}

func TestEveryDeviceOfTheGroupHasToBeNewEnough(t *testing.T) {
	one := func(wire int) []groupcast.Device { return []groupcast.Device{device(1, wire, nil)} }
	all := groupcast.Selection{}
	for _, c := range []struct {
		name     string
		devices  []groupcast.Device
		attached map[protocol.DeviceID]int
		whom     groupcast.Selection
		want     Reason
	}{
		{"no devices yet", nil, nil, all, TooOld},
		{"all attached", one(0), map[protocol.DeviceID]int{{1}: 2}, all, None},
		{"one attached is old", one(2), map[protocol.DeviceID]int{{1}: 1}, all, TooOld},
		{"one that is away was new", one(2), nil, all, None},
		{"one that is away was old", one(1), nil, all, TooOld},
		{"one was never seen", one(0), nil, all, TooOld},
		{
			"an old one is not meant",
			[]groupcast.Device{device(1, 2, groupcast.Labels{"room": "a"}), device(2, 1, groupcast.Labels{"room": "b"})},
			nil,
			groupcast.Selection{Only: []string{"room=a"}},
			None,
		},
		{"an old one of another group", append(one(2), groupcast.Device{Groups: []string{"x"}}), nil, all, None},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fake{devices: c.devices, attached: c.attached}
			if got := f.paged(t, c.whom, "a"); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func sent(no protocol.TransferNo, group byte, gone bool) store.Transfer {
	tr := store.Transfer{Content: fmt.Sprint(no), ContentGone: gone}
	tr.No, tr.GroupID = no, protocol.GroupID{group}
	return tr
}

func TestWhatIsSentAgainIsNotPaged(t *testing.T) {
	lists := map[string][]string{"1": {"a", "b"}, "2": {"c"}, "3": {"x"}, "4": {"d"}}
	for n := range heldMost {
		lists["5"] = append(lists["5"], fmt.Sprintf("e/%05d", n))
	}
	lists["5"] = append(lists["5"], "f")
	f := &fake{
		devices: []groupcast.Device{device(1, 2, nil)}, lists: lists, broken: map[string]bool{"4": true},
		transfers: []store.Transfer{
			sent(1, 1, false), sent(2, 1, true), sent(3, 2, false), sent(4, 1, false), sent(5, 1, true),
		},
	}
	for path, want := range map[string]Reason{
		"a": Resent, "b": Resent, "c": Resent, "e/04000": Resent, "f": Resent, "ab": None, "z": None,
		"x": None, // was of a group that had the name before
		"d": None, // its list cannot be read
	} {
		if got := f.paged(t, groupcast.Selection{}, path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	f.read = readMost
	if got := f.paged(t, groupcast.Selection{}, "z"); got != Unseen {
		t.Errorf("after so many entries: %q", got)
	}
}

func TestManyTransfersAreAllLookedAt(t *testing.T) {
	f := &fake{devices: []groupcast.Device{device(1, 2, nil)}, lists: map[string][]string{"250": {"last"}}}
	for no := range protocol.TransferNo(250) {
		f.transfers = append(f.transfers, sent(no+1, 1, false))
	}
	if got := f.paged(t, groupcast.Selection{}, "last"); got != Resent {
		t.Errorf("%q", got)
	}
}

func TestAStoreThatFailsChoosesNothing(t *testing.T) {
	f := &fake{fails: errors.New("disk full")}
	if got := f.paged(t, groupcast.Selection{}, "a"); got == None {
		t.Error("it is paged")
	}
}
