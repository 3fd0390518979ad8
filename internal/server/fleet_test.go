package server

import (
	"slices"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/selection"
	"github.com/groupcast/groupcast/internal/store"
)

func (w *world) label(text string, agents ...*agent) []groupcast.DeviceResult {
	w.Helper()
	key, value, _ := strings.Cut(text, "=")
	c := groupcast.LabelChange{Set: groupcast.Labels{key: value}}
	for _, a := range agents {
		c.Devices = append(c.Devices, a.p.Device.ID)
	}
	out, err := w.LabelDevices(w.ctx, local, c)
	w.must(err)
	return out
}

func only(terms ...string) func(*groupcast.NewTransfer) {
	return func(n *groupcast.NewTransfer) { n.Selection.Only = terms }
}

// whom says who is owed a transfer.
func (w *world) whom(no protocol.TransferNo) string {
	w.Helper()
	all, err := w.Deliveries(w.ctx, local, no, groupcast.Window{})
	w.must(err)
	var out []string
	for _, d := range all.Rows {
		if d.State.Owed() {
			out = append(out, d.User)
		}
	}
	return strings.Join(out, " ")
}

// TestWhoIsNotSelectedGetsNothing: a member whose device a transfer's selection leaves out is a stranger to it: no
// offer, no keys, no manifest, no blocks, and the same answer as for a transfer that does not exist. So it stays when
// its labels change, when the server starts again, and when the transfer is owed again.
func TestWhoIsNotSelectedGetsNothing(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, bob, eve := w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach(), w.enrol("eve", "g").attach()
		dan := w.enrol("dan", "g").attach() // alone ann would get it over HTTPS
		w.label("room=2", ann, bob, dan)
		tr := w.send("g", func(n *groupcast.NewTransfer) {
			n.Selection = groupcast.Selection{Only: []string{"room=2"}, Except: []string{"pc-bob"}}
		})
		if tr.Owed != 2 || tr.Selection.String() != "room=2 except bob/pc-bob" {
			t.Errorf("owed to %d, of %q", tr.Owed, tr.Selection)
		}
		o := ann.offered()
		h, err := ann.ready(o)
		w.must(err)
		_, err = dan.ready(dan.offered())
		w.must(err)
		if len(h.SessionSecret) == 0 {
			t.Fatalf("who is selected got no key: %+v", h)
		}
		strangers := func(when string) {
			t.Helper()
			for _, a := range []*agent{bob, eve} {
				if got := a.offers(); len(got) > 0 {
					t.Errorf("%s %s was offered %+v", when, a.p.User.Name, got)
				}
				w.refusesAll(a, tr.No, o)
				state, err := w.AgentState(w.ctx, a.p)
				if w.must(err); len(state.Owed) > 0 {
					t.Errorf("%s %s is told to be owed %v", when, a.p.User.Name, state.Owed)
				}
			}
		}
		strangers("at first")
		w.label("room=2", eve)
		strangers("with the label")
		w.must(ann.receipt(o, groupcast.DeliveryFailed, groupcast.PathMulticast))
		_, err = w.RetryTransfer(w.ctx, local, tr.No)
		w.must(err)
		strangers("owed again")
		w.reboot()
		for _, a := range []*agent{ann, bob, dan, eve} {
			a.attach()
		}
		strangers("after a restart")
		if got := w.whom(tr.No); got != "ann dan" {
			t.Errorf("owed to %q", got)
		}
		holders, err := w.KeyHolders(w.ctx, local, tr.No)
		w.must(err)
		for _, h := range holders {
			if h.User != "ann" && h.User != "dan" {
				t.Errorf("%s was handed a key", h.User)
			}
		}
	})
}

// TestWhoComesLaterIsJudgedByTheSelection, and takes part in what runs.
func TestWhoComesLaterIsJudgedByTheSelection(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		w.group("other")
		ann := w.enrol("ann", "g").attach()
		in, out := w.enrol("in", "other").attach(), w.enrol("out", "other").attach()
		w.label("room=2", ann, in)
		tr := w.send("g", only("room=2"))
		_, err := ann.ready(ann.offered())
		w.must(err)
		for _, name := range []string{"in", "out"} {
			_, err := w.AddMember(w.ctx, local, "g", name)
			w.must(err)
		}
		if got := w.whom(tr.No); got != "ann in" {
			t.Errorf("owed to %q", got)
		}
		o := in.offered()
		h, err := in.ready(o)
		w.must(err)
		if len(h.SessionSecret) == 0 {
			t.Error("who came and belongs to it got no key")
		}
		if got := out.offers(); len(got) > 0 {
			t.Errorf("who came and does not was offered %+v", got)
		}
		w.refusesAll(out, tr.No, o)
	})
}

func TestSelectionsThatCannotBe(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		w.group("other")
		w.enrol("ann", "g")
		w.enrol("bob", "other")
		_, err := w.AddMember(w.ctx, local, "g", "bob")
		w.must(err)
		w.enrol("eve", "other")
		g, err := w.store.Group(w.ctx, "g")
		w.must(err)
		for name, c := range map[string]struct {
			s    groupcast.Selection
			code groupcast.Code
		}{
			"a device of another group": {groupcast.Selection{Only: []string{"pc-eve"}}, groupcast.ENotFound},
			"a device that is not":      {groupcast.Selection{Except: []string{"ann/x"}}, groupcast.ENotFound},
			"a label without a value":   {groupcast.Selection{Only: []string{"room="}}, groupcast.EInvalid},
			"a fact":                    {groupcast.Selection{Only: []string{"fact.os=linux"}}, groupcast.EInvalid},
			"too many": {
				groupcast.Selection{Only: make([]string, groupcast.MaxTerms), Except: []string{"a=b"}}, groupcast.EInvalid,
			},
		} {
			if _, err := selection.Read(w.ctx, w.store, g, c.s); groupcast.ErrorCode(err) != c.code {
				t.Errorf("%s: %v, want %s", name, err, c.code)
			}
		}
		made := func(name string) store.Transfer {
			return w.newTransfer(local, g, groupcast.NewTransfer{}, content.Built{Name: name, Files: 1})
		}
		r, err := selection.Read(w.ctx, w.store, g, groupcast.Selection{Only: []string{"pc-ann", "ann/pc-ann", "a=b", "a=b"}})
		w.must(err)
		if got, n := r.Selection.String(), len(r.Of(made("z")).Only); got != "ann/pc-ann, a=b" || n != 2 {
			t.Errorf("resolved to %q, %d terms", got, n)
		}
		_, err = w.promise(w.ctx, local, r.Of(made("x")), false)
		w.must(err)
		r, err = selection.Read(w.ctx, w.store, g, groupcast.Selection{Only: []string{"room=2"}})
		w.must(err)
		_, err = w.promise(w.ctx, local, r.Of(made("y")), false)
		if groupcast.ErrorCode(err) != groupcast.ENobody {
			t.Errorf("a selection that takes nobody: %v", err)
		}
	})
}

// TestLabelsAreTheServers: administrators set them, users neither see nor set nor search them, and each device is
// answered for.
func TestLabelsAreTheServers(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, bob := w.enrol("ann", "g"), w.enrol("bob", "g")
		done, err := w.LabelDevices(w.ctx, local, groupcast.LabelChange{
			Devices: []protocol.DeviceID{ann.p.Device.ID, {9}, bob.p.Device.ID, ann.p.Device.ID},
			Set:     groupcast.Labels{"room": "2", "kind": "exam"},
		})
		w.must(err)
		if len(done) != 3 || done[0].Code != "" || done[1].Code != groupcast.ENotFound || done[2].Code != "" ||
			done[1].Problem == "" || done[0].Labels.String() != "kind=exam room=2" || done[0].Who() != "ann/pc-ann" {
			t.Errorf("%+v", done)
		}
		_, err = w.LabelDevices(w.ctx, local, groupcast.LabelChange{
			Devices: []protocol.DeviceID{bob.p.Device.ID}, Set: groupcast.Labels{"room": "3"}, Remove: []string{"kind"},
		})
		w.must(err)
		for _, c := range []struct {
			labels []string
			want   string
		}{
			{nil, "ann bob"},
			{[]string{"room=2"}, "ann"},
			{[]string{"room=2", "room=3"}, "ann bob"},
			{[]string{"room=3", "kind=exam"}, ""},
		} {
			page, err := w.Devices(w.ctx, local, groupcast.DeviceFilter{Labels: c.labels}, groupcast.Window{Limit: 1})
			w.must(err)
			whole, err := w.Devices(w.ctx, local, groupcast.DeviceFilter{Labels: c.labels}, groupcast.Window{})
			w.must(err)
			var names []string
			for _, d := range whole.Rows {
				names = append(names, d.User)
			}
			got, first := strings.Join(names, " "), len(page.Rows)
			if got != c.want || page.Total != len(names) || first != min(1, len(names)) {
				t.Errorf("%v: %q, a page of %d of %d", c.labels, got, first, page.Total)
			}
		}
		own, err := w.Devices(w.ctx, ann.cli, groupcast.DeviceFilter{}, groupcast.Window{})
		w.must(err)
		one, err := w.Device(w.ctx, ann.cli, ann.p.Device.ID)
		w.must(err)
		state, err := w.AgentState(w.ctx, ann.p)
		w.must(err)
		if len(own.Rows[0].Labels)+len(one.Labels)+len(state.Device.Labels) > 0 {
			t.Errorf("a user sees labels: %v %v %v", own.Rows[0].Labels, one.Labels, state.Device.Labels)
		}
		_, err = w.Devices(w.ctx, ann.cli, groupcast.DeviceFilter{Labels: []string{"room=2"}}, groupcast.Window{})
		if groupcast.ErrorCode(err) != groupcast.EForbidden {
			t.Errorf("a user searches labels: %v", err)
		}
		log, err := auditOf(w.Audit(w.ctx, local, groupcast.AuditQuery{Action: "device.label"}))
		w.must(err)
		if len(log) != 2 || log[0].Object != "bob/pc-bob" || log[0].Detail != "room=3 kind-: bob/pc-bob" ||
			log[1].Object != "2 devices" || log[1].Detail != "kind=exam room=2: ann/pc-ann, bob/pc-bob" {
			t.Errorf("the log has %+v", log)
		}
	})
}

func TestLabelsThatCannotBe(t *testing.T) {
	inBubble(t, func(w *world) {
		one := []protocol.DeviceID{{1}}
		many := groupcast.Labels{}
		for i := range 2*groupcast.MaxLabels + 1 {
			many[strings.Repeat("a", i+1)] = "v"
		}
		for name, c := range map[string]groupcast.LabelChange{
			"nothing":            {Devices: one},
			"of no device":       {Set: groupcast.Labels{"a": "b"}},
			"of too many":        {Devices: make([]protocol.DeviceID, groupcast.MaxAtOnce+1), Set: groupcast.Labels{"a": "b"}},
			"no key":             {Devices: one, Set: groupcast.Labels{"": "b"}},
			"a capital":          {Devices: one, Set: groupcast.Labels{"Room": "b"}},
			"a long key":         {Devices: one, Set: groupcast.Labels{strings.Repeat("k", 33): "b"}},
			"a fact":             {Devices: one, Set: groupcast.Labels{"fact.os": "b"}},
			"a fact to remove":   {Devices: one, Remove: []string{"fact.os"}},
			"no value":           {Devices: one, Set: groupcast.Labels{"a": ""}},
			"a long value":       {Devices: one, Set: groupcast.Labels{"a": strings.Repeat("é", 65)}},
			"a line":             {Devices: one, Set: groupcast.Labels{"a": "b\nc"}},
			"an escape":          {Devices: one, Set: groupcast.Labels{"a": "\x1b[2J"}},
			"a direction":        {Devices: one, Set: groupcast.Labels{"a": "\u202eb"}},
			"no text":            {Devices: one, Set: groupcast.Labels{"a": "\xff"}},
			"a space around":     {Devices: one, Set: groupcast.Labels{"a": " b"}},
			"both set and taken": {Devices: one, Set: groupcast.Labels{"a": "b"}, Remove: []string{"a"}},
			"too many labels":    {Devices: one, Set: many},
		} {
			if _, err := w.LabelDevices(w.ctx, local, c); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestWhatIsOwedIsDropped: of several devices, of one transfer or of all; each device is answered for.
func TestWhatIsOwedIsDropped(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, bob := w.enrol("ann", "g").attach(), w.enrol("bob", "g").attach()
		eve := w.enrol("eve", "g") // is off
		first := w.send("g", nil)
		_, err := ann.ready(ann.offered())
		w.must(err)
		bob.offers()
		second := w.send("g", func(n *groupcast.NewTransfer) { n.Now, n.Hold = false, true })
		done, err := w.DropOwed(w.ctx, local, groupcast.DropOwed{
			Devices: []protocol.DeviceID{ann.p.Device.ID, {9}, eve.p.Device.ID}, Transfer: first.No,
		})
		w.must(err)
		if len(done) != 3 || !slices.Equal(done[0].Dropped, []string{"1 x"}) || done[1].Code != groupcast.ENotFound ||
			done[2].Code != "" {
			t.Errorf("%+v", done)
		}
		if got := w.whom(first.No) + "; " + w.whom(second.No); got != "bob; ann bob eve" {
			t.Errorf("still owed: %q", got)
		}
		ended := false
		for _, e := range waiting(ann.stream.Next) {
			ended = ended || e.Kind == groupcast.AgentEnd && e.Transfer == first.No && e.Over
		}
		if !ended {
			t.Error("a device works on though it is owed nothing")
		}
		done, err = w.DropOwed(w.ctx, local, groupcast.DropOwed{
			Devices: []protocol.DeviceID{ann.p.Device.ID, bob.p.Device.ID, eve.p.Device.ID},
		})
		w.must(err)
		if n := len(done[0].Dropped) + len(done[1].Dropped) + len(done[2].Dropped); n != 4 {
			t.Errorf("%d were dropped: %+v", n, done)
		}
		if got := w.whom(first.No) + w.whom(second.No); got != "" {
			t.Errorf("still owed: %q", got)
		}
		d, err := w.store.Delivery(w.ctx, first.No, eve.p.Device.ID)
		if w.must(err); d.State != groupcast.DeliveryCancelled || !strings.HasPrefix(d.Reason, "dropped by ") {
			t.Errorf("it ended as %s: %s", d.State, d.Reason)
		}
		done, err = w.DropOwed(w.ctx, local, groupcast.DropOwed{Devices: []protocol.DeviceID{eve.p.Device.ID}})
		w.must(err)
		if done[0].Code != groupcast.ENotFound || done[0].Problem != "it is owed nothing" {
			t.Errorf("%+v", done)
		}
		log, err := auditOf(w.Audit(w.ctx, local, groupcast.AuditQuery{Action: "delivery.drop"}))
		if w.must(err); len(log) != 6 {
			t.Errorf("%d entries of the log", len(log))
		}
		if _, err := w.DropOwed(w.ctx, local, groupcast.DropOwed{}); groupcast.ErrorCode(err) != groupcast.EInvalid {
			t.Errorf("of no device: %v", err)
		}
	})
}
