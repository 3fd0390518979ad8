package storetest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// label notes KEY=VALUE of devices.
func (w *world) label(text string, devices ...groupcast.Device) {
	w.Helper()
	key, value, _ := strings.Cut(text, "=")
	c := groupcast.LabelChange{Set: groupcast.Labels{key: value}}
	for _, d := range devices {
		c.Devices = append(c.Devices, d.ID)
	}
	done, err := w.s.LabelDevices(w.ctx, c)
	w.ok(err)
	for _, one := range done {
		w.ok(one.Err)
	}
}

// terms resolves the terms of a selection: labels, and devices by USER/DEVICE.
func terms(texts []string, devices []groupcast.Device) (out []store.Term) {
	for _, text := range texts {
		if key, value, ok := groupcast.SplitLabel(text); ok {
			out = append(out, store.Term{Key: key, Value: value})
			continue
		}
		for _, d := range devices {
			if d.User+"/"+d.Name == text {
				out = append(out, store.Term{Device: d.ID})
			}
		}
	}
	return out
}

// narrowed is a transfer for some of a group.
func (w *world) narrowed(g groupcast.Group, s groupcast.Selection, replaces ...protocol.TransferNo) (store.Transfer,
	[]groupcast.Delivery, error,
) {
	w.Helper()
	all, err := rows(w.s.Devices(w.ctx, "", groupcast.Window{}))
	w.ok(err)
	filesMade++
	return w.s.AddTransfer(w.ctx, store.Transfer{
		Transfer: groupcast.Transfer{
			GroupID: g.ID, Name: "some", Files: 1, Bytes: 1, Blocks: 1, State: groupcast.TransferWaiting,
			CreatedAt: w.tick(), ExpiresAt: w.now.Add(time.Hour), Root: protocol.Digest{5}, Selection: s,
			Replaces: replaces,
		},
		Content: fmt.Sprintf("content-%d", filesMade), Only: terms(s.Only, all), Except: terms(s.Except, all),
	})
}

func whom(owed []groupcast.Delivery) string {
	var all []string
	for _, d := range owed {
		if d.State.Owed() {
			all = append(all, d.User+"/"+d.Device)
		}
	}
	return strings.Join(all, " ")
}

func (w *world) owedTo(no protocol.TransferNo) string {
	w.Helper()
	w.owed(no) // its counts are right
	all, err := rows(w.s.Deliveries(w.ctx, no, groupcast.Window{}))
	w.ok(err)
	return whom(all)
}

func labels(w *world) {
	ann, bob := w.user("ann"), w.user("bob")
	one, two, other := w.device(ann, "one"), w.device(ann, "two"), w.device(bob, "other")
	unknown := protocol.NewDeviceID()
	done, err := w.s.LabelDevices(w.ctx, groupcast.LabelChange{
		Devices: []protocol.DeviceID{one.ID, unknown, other.ID}, Set: groupcast.Labels{"room": "2", "kind": "exam"},
	})
	w.ok(err)
	equal(w, "of the first", done[0].Device.Labels.String(), "kind=exam room=2")
	w.ok(done[0].Err)
	w.fails(done[1].Err, groupcast.ENotFound)
	w.ok(done[2].Err)
	done, err = w.s.LabelDevices(w.ctx, groupcast.LabelChange{
		Devices: []protocol.DeviceID{one.ID, two.ID}, Set: groupcast.Labels{"room": "3"}, Remove: []string{"kind", "absent"},
	})
	w.ok(err)
	equal(w, "changed", done[0].Device.Labels.String(), "room=3")
	for v, want := range map[groupcast.Window]string{
		{}: "room=3|room=3|kind=exam room=2", {From: 1, Limit: 1}: "room=3", {From: 2}: "kind=exam room=2",
	} {
		list, err := rows(w.s.Devices(w.ctx, "", v))
		w.ok(err)
		var got []string
		for _, d := range list {
			got = append(got, d.Labels.String())
		}
		equal(w, fmt.Sprintf("in a list %+v", v), strings.Join(got, "|"), want)
	}
	many := groupcast.Labels{}
	for i := range groupcast.MaxLabels {
		many[fmt.Sprint("k", i)] = "v"
	}
	done, err = w.s.LabelDevices(w.ctx, groupcast.LabelChange{Devices: []protocol.DeviceID{one.ID}, Set: many})
	w.ok(err)
	w.fails(done[0].Err, groupcast.EExhausted)
	equal(w, "past the bound nothing changes", done[0].Device.Labels.String(), "room=3")
	done, err = w.s.LabelDevices(w.ctx, groupcast.LabelChange{
		Devices: []protocol.DeviceID{one.ID}, Set: many, Remove: []string{"room"},
	})
	w.ok(err)
	w.ok(done[0].Err)
	equal(w, "as many as there may be", len(done[0].Device.Labels), groupcast.MaxLabels)
	_, err = w.s.RevokeDevice(w.ctx, one.ID, w.tick())
	w.ok(err)
	again, _, err := w.s.AddDevice(w.ctx, groupcast.Device{ID: one.ID, UserID: ann.ID, Name: "one", PublicKey: []byte{1}},
		w.tick())
	w.ok(err)
	list, err := rows(w.s.Devices(w.ctx, again.UserID, groupcast.Window{}))
	w.ok(err)
	equal(w, "of a new device", len(list[0].Labels), 0)
}

// A selection is frozen in what is owed; who comes later is owed what takes them then.
func selection(w *world) {
	g, ann, bob, cid := w.group("lab"), w.user("ann"), w.user("bob"), w.user("cid")
	two, three := w.device(ann, "two"), w.device(ann, "three")
	exam := w.device(bob, "exam")
	w.label("room=2", two, exam)
	w.label("room=3", three)
	w.label("kind=exam", exam)
	for _, u := range []groupcast.User{ann, bob, cid} {
		w.join(g, u)
	}
	for _, c := range []struct{ only, except, owed string }{
		{"", "", "ann/three ann/two bob/exam cid/"},
		{"room=2", "", "ann/two bob/exam"},
		{"room=2 room=3", "", "ann/three ann/two bob/exam"},
		{"room=2 room=3 kind=exam", "", "bob/exam"},
		{"kind=exam ann/three", "", "ann/three bob/exam"},
		{"room=2", "bob/exam", "ann/two"},
		{"", "kind=exam", "ann/three ann/two cid/"},
		{"", "room=2 ann/three", "cid/"},
	} {
		tr, owed, err := w.narrowed(g, groupcast.Selection{Only: strings.Fields(c.only), Except: strings.Fields(c.except)})
		w.ok(err)
		equal(w, fmt.Sprintf("only %q except %q", c.only, c.except), whom(owed), c.owed)
		equal(w, "counted", w.owedTo(tr.No), c.owed)
		kept := w.stands(tr.No)
		equal(w, "kept", kept.Selection.String(), groupcast.Selection{
			Only: strings.Fields(c.only), Except: strings.Fields(c.except),
		}.String())
	}
	last, err := w.s.LastTransferNo(w.ctx)
	w.ok(err)
	_, _, err = w.narrowed(g, groupcast.Selection{Only: []string{"room=9"}})
	w.fails(err, groupcast.ENobody)
	_, _, err = w.narrowed(g, groupcast.Selection{Only: []string{"room=2"}, Except: []string{"ann/two", "kind=exam"}})
	w.fails(err, groupcast.ENobody)
	now, err := w.s.LastTransferNo(w.ctx)
	w.ok(err)
	equal(w, "transfers made for nobody", now, last)
}

func selectionLater(w *world) {
	g, ann, bob := w.group("lab"), w.user("ann"), w.user("bob")
	in, out, his := w.device(ann, "in"), w.device(ann, "out"), w.device(bob, "his")
	w.label("room=2", in, his)
	w.join(g, ann)
	some, _, err := w.narrowed(g, groupcast.Selection{Only: []string{"room=2"}})
	w.ok(err)
	but, _, err := w.narrowed(g, groupcast.Selection{Except: []string{"room=2"}})
	w.ok(err)
	for dev, no := range map[protocol.DeviceID]protocol.TransferNo{in.ID: but.No, out.ID: some.No} {
		_, err = w.s.Entitled(w.ctx, no, dev)
		w.fails(err, groupcast.ENotFound)
	}

	w.label("room=2", out) // what is owed stays
	w.label("room=3", in)
	equal(w, "frozen", w.owedTo(some.No), "ann/in")
	_, err = w.s.Entitled(w.ctx, some.No, in.ID)
	w.ok(err)
	_, err = w.s.Entitled(w.ctx, some.No, out.ID)
	w.fails(err, groupcast.ENotFound)
	_, err = w.s.RekeyDevice(w.ctx, out.ID, []byte("another key"), w.tick())
	w.ok(err)
	equal(w, "who logs in again has not come", w.owedTo(some.No), "ann/in")
	_, err = w.s.RetryTransfer(w.ctx, some.No, w.now.Add(time.Hour), w.tick())
	w.ok(err)
	equal(w, "owed again", w.owedTo(some.No), "ann/in")

	w.join(g, bob)
	equal(w, "a member who came", w.owedTo(some.No), "ann/in bob/his")
	equal(w, "of the other", w.owedTo(but.No), "ann/out")
	w.device(ann, "new")
	equal(w, "a device that came has no label", w.owedTo(some.No), "ann/in bob/his")
	equal(w, "and is not excepted", w.owedTo(but.No), "ann/new ann/out")
	w.ok(w.s.RemoveMember(w.ctx, g.ID, ann.ID, w.tick()))
	w.join(g, ann)
	equal(w, "who comes back is judged anew", w.owedTo(some.No), "ann/out bob/his")
}

// What waits for a member without a device is taken over by a device that belongs to it only.
func selectionWithoutDevice(w *world) {
	g, ann, bob := w.group("lab"), w.user("ann"), w.user("bob")
	pc := w.device(ann, "pc")
	w.join(g, ann)
	w.join(g, bob)
	_, err := w.s.SetNewDevices(w.ctx, g.ID, groupcast.NewDevicesApprove, "root", w.tick())
	w.ok(err)
	but, owed, err := w.narrowed(g, groupcast.Selection{Except: []string{"room=2"}})
	w.ok(err)
	equal(w, "owed", whom(owed), "ann/pc bob/")
	wrong := w.device(bob, "wrong")
	w.label("room=2", wrong)
	_, owed, err = w.s.AdmitDevice(w.ctx, g.ID, wrong.ID, "root", w.tick())
	w.ok(err)
	equal(w, "owed to one that is excepted", len(owed), 0)
	right := w.device(bob, "right")
	_, owed, err = w.s.AdmitDevice(w.ctx, g.ID, right.ID, "root", w.tick())
	w.ok(err)
	equal(w, "owed to one that is not", whom(owed), "bob/right")
	equal(w, "in all", w.owedTo(but.No), "ann/pc bob/right")

	all, _ := w.transfer(g)
	only, _, err := w.narrowed(g, groupcast.Selection{Only: []string{"ann/pc"}})
	w.ok(err)
	_, err = w.s.RevokeDevice(w.ctx, pc.ID, w.tick())
	w.ok(err)
	equal(w, "what is for all waits for a device", w.owedTo(all.No), "ann/ bob/right bob/wrong")
	equal(w, "what was for that one does not", w.owedTo(only.No), "")
	next := w.device(ann, "next")
	_, _, err = w.s.AdmitDevice(w.ctx, g.ID, next.ID, "root", w.tick())
	w.ok(err)
	_, err = w.s.Entitled(w.ctx, only.No, next.ID)
	w.fails(err, groupcast.ENotFound)
	_, err = w.s.Entitled(w.ctx, all.No, next.ID)
	w.ok(err)
}

// A narrowed transfer takes over what is owed to its own devices, and no more.
func selectionReplaces(w *world) {
	g, ann := w.group("lab"), w.user("ann")
	one := w.device(ann, "one")
	w.device(ann, "two")
	w.join(g, ann)
	w.label("room=2", one)
	old, _ := w.transfer(g)
	next, _, err := w.narrowed(g, groupcast.Selection{Only: []string{"room=2"}}, old.No)
	w.ok(err)
	equal(w, "the older one is open", w.stands(old.No).State, groupcast.TransferWaiting)
	equal(w, "owed of the older one", w.owedTo(old.No), "ann/two")
	equal(w, "owed of the newer one", w.owedTo(next.No), "ann/one")
	w.ok(w.s.RemoveMember(w.ctx, g.ID, ann.ID, w.tick()))
	w.join(g, ann)
	equal(w, "of the older one to who came back", w.owedTo(old.No), "ann/two")
	equal(w, "of the newer one to who came back", w.owedTo(next.No), "ann/one")
	whole := w.replacing(g, old.No, next.No)
	equal(w, "one for all", w.owedTo(whole.No), "ann/one ann/two")
	equal(w, "takes over the older one", w.stands(old.No).ReplacedBy, whole.No)
	equal(w, "and the narrowed one", w.stands(next.No).ReplacedBy, whole.No)
}

// The store's rule and the one that faces show before are the same.
func selectionAsShown(w *world) {
	r := rand.New(rand.NewPCG(23, 1))
	g := w.group("lab")
	users := []groupcast.User{w.user("ann"), w.user("bob")}
	for i := range 24 {
		d := w.device(users[i%2], fmt.Sprint("pc-", i))
		for _, key := range []string{"room", "kind", "row"} {
			if r.IntN(3) > 0 {
				w.label(fmt.Sprintf("%s=%d", key, r.IntN(3)), d)
			}
		}
	}
	for _, u := range users {
		w.join(g, u)
	}
	all, err := rows(w.s.Devices(w.ctx, "", groupcast.Window{}))
	w.ok(err)
	draw := func(most int) (out []string) {
		for range r.IntN(most) {
			if r.IntN(4) == 0 {
				d := all[r.IntN(len(all))]
				out = append(out, d.User+"/"+d.Name)
				continue
			}
			out = append(out, fmt.Sprintf("%s=%d", []string{"room", "kind", "row", "none"}[r.IntN(4)], r.IntN(4)))
		}
		return out
	}
	for range 150 {
		s := groupcast.Selection{Only: draw(5), Except: draw(3)}
		var want []string
		for _, d := range all {
			if s.Takes(d) {
				want = append(want, d.User+"/"+d.Name)
			}
		}
		_, owed, err := w.narrowed(g, s)
		if len(want) == 0 {
			w.fails(err, groupcast.ENobody)
			continue
		}
		w.ok(err)
		equal(w, fmt.Sprintf("%+v", s), whom(owed), strings.Join(want, " "))
	}
}
