package server

import (
	"testing"

	"github.com/groupcast/groupcast"
)

// TestAPlanForSomeOfAGroup counts who is selected, and what is replaced for them.
func TestAPlanForSomeOfAGroup(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann, bob := w.enrol("ann", "g").attach().hasRoom(2000, 0), w.enrol("bob", "g").attach().hasRoom(2000, 0)
		w.enrol("eve", "g")
		_, err := w.AddUser(w.ctx, local, groupcast.NewUser{Name: "zoe", Password: password})
		w.must(err)
		_, err = w.AddMember(w.ctx, local, "g", "zoe")
		w.must(err)
		w.label("room=2", ann, bob)
		q := groupcast.PlanQuery{Groups: []string{"g"}, Files: 1, Bytes: 10}
		for _, c := range []struct {
			only, except              []string
			ready, away, without, all int
			blocked                   groupcast.Code
		}{
			{nil, nil, 2, 1, 1, 3, ""},
			{[]string{"room=2"}, nil, 2, 0, 0, 2, ""},
			{[]string{"room=2"}, []string{"pc-bob"}, 1, 0, 0, 1, ""},
			{nil, []string{"room=2"}, 0, 1, 1, 1, ""},
			{[]string{"room=9"}, nil, 0, 0, 0, 0, groupcast.ENobody},
		} {
			q.Selection = groupcast.Selection{Only: c.only, Except: c.except}
			p := w.plan(q)
			g := p.Groups[0]
			if g.Ready != c.ready || g.Away != c.away || g.NoDevice != c.without || len(p.Devices) != c.all ||
				g.Blocked != c.blocked {
				t.Errorf("only %v except %v: %+v, %d devices", c.only, c.except, g, len(p.Devices))
			}
		}
		q.Selection = groupcast.Selection{Only: []string{"ann/none"}}
		if _, err := w.PlanTransfer(w.ctx, local, q); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Errorf("a device that is not: %v", err)
		}
		paths := folder(t, 5, "a")
		_, err = w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Paths: paths})
		w.must(err)
		p := w.plan(groupcast.PlanQuery{
			Groups: []string{"g"}, Paths: paths, Selection: groupcast.Selection{Only: []string{"room=2"}},
		})
		if r := p.Groups[0].Replaces; len(r) != 1 || r[0].Owed != 2 {
			t.Errorf("it replaces %+v", r)
		}
	})
}
