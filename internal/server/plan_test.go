package server

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// plan asks for a plan as the local administrator.
func (w *world) plan(q groupcast.PlanQuery) groupcast.SendPlan {
	w.Helper()
	p, err := w.PlanTransfer(w.ctx, local, q)
	w.must(err)
	return p
}

// hasRoom lets the agent say what is free on its disk, and what of it is kept.
func (a *agent) hasRoom(free, reserve uint64) *agent {
	a.w.Helper()
	p, err := a.w.Authenticate(a.w.ctx, "192.0.2.1", a.token)
	a.w.must(err)
	a.w.must(a.w.Report(a.w.ctx, p, groupcast.AgentReport{FreeBytes: free, DiskBytes: 1 << 40, Reserve: reserve}))
	return a
}

// folder makes files of a size each and gives their paths.
func folder(t *testing.T, size int, names ...string) (paths []string) {
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// stands says how the devices of a plan stand, by user.
func stands(p groupcast.SendPlan) map[string]groupcast.PlanStanding {
	out := map[string]groupcast.PlanStanding{}
	for _, d := range p.Devices {
		out[d.User] = d.Stands
	}
	return out
}

func TestAPlanSaysWhoIsReady(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		w.group("h")
		w.enrol("ann", "g").attach().hasRoom(2000, 500)
		w.enrol("bob", "g").attach().hasRoom(1400, 500) // beside its reserve 900 are free
		w.enrol("eve", "g").hasRoom(100, 0)             // away, and full
		_, err := w.AddMember(w.ctx, local, "h", "ann")
		w.must(err)
		for _, name := range []string{"zoe", "yan"} {
			_, err := w.AddUser(w.ctx, local, groupcast.NewUser{Name: name, Password: password})
			w.must(err)
			_, err = w.AddMember(w.ctx, local, "g", name)
			w.must(err)
		}
		_, err = w.AddMember(w.ctx, local, "h", "zoe")
		w.must(err)
		paths := folder(t, 500, "a", "b")

		p := w.plan(groupcast.PlanQuery{Groups: []string{"g"}, Paths: paths, Now: true})
		if got := stands(p); got["ann"] != "ready" || got["bob"] != "no-space" || got["eve"] != "away" || len(got) != 3 {
			t.Errorf("%v", got)
		}
		if d := p.Devices[0]; d.User != "bob" || d.Needs != 1000 || d.Free != 1400 || d.Reserve != 500 || d.Lacks != 100 {
			t.Errorf("the one without space: %+v", d)
		}
		if d := p.Devices[1]; d.User != "eve" || d.LastSeen.IsZero() || d.Lacks != 900 {
			t.Errorf("the one that is away: %+v", d)
		}
		if !p.Known || p.Files != 2 || p.Bytes != 1000 || p.Total != 3 || p.NoDevice != 2 || p.Bad != 0 {
			t.Errorf("%+v", p)
		}
		if g := p.Groups[0]; g.Begins.Code != groupcast.StartsNow || g.Takes.Via != groupcast.ViaHTTPS || g.Takes.Rate != 0 {
			t.Errorf("nothing was measured, and one is ready: %+v", g)
		}
		two := w.plan(groupcast.PlanQuery{Groups: []string{"h", "g", "h"}, Paths: paths, Hold: true, Rate: 8_000_000})
		if len(two.Groups) != 2 || two.NoDevice != 2 || two.Total != 3 || two.Groups[1].Total != 1 {
			t.Errorf("of two groups: %+v", two)
		}
		for _, d := range two.Devices {
			if d.User == "ann" && (d.Stands != "no-space" || d.Needs != 2000 || !slices.Equal(d.Groups, []string{"g", "h"})) {
				t.Errorf("one who gets two copies: %+v", d)
			}
		}
		if g := two.Groups[0]; g.Begins.Code != groupcast.StartsHeld || !g.Takes.AtLeast || g.Takes.CapOf != "transfer" {
			t.Errorf("held, with a limit: %+v", g)
		}
		if tr, err := w.Transfers(w.ctx, local, groupcast.TransferFilter{}); err != nil || tr.Total != 0 {
			t.Errorf("a plan made transfers: %+v, %v", tr, err)
		}
	})
}

func TestAPlanSaysWhatItReplaces(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		w.enrol("ann", "g")
		paths := folder(t, 10, "a", "b", "c")
		add := func(paths ...string) protocol.TransferNo {
			tr, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Paths: paths})
			w.must(err)
			return tr.No
		}
		old, other := add(paths[:2]...), add(paths[2])
		replaced := func(q groupcast.PlanQuery) (out []protocol.TransferNo, compared bool) {
			q.Groups = []string{"g"}
			g := w.plan(q).Groups[0]
			for _, r := range g.Replaces {
				if r.Owed != 1 || r.Name == "" {
					t.Errorf("%+v", r)
				}
				out = append(out, r.Transfer)
			}
			return out, g.Compared
		}
		for _, c := range []struct {
			name     string
			q        groupcast.PlanQuery
			want     []protocol.TransferNo
			compared bool
		}{
			{"the same paths", groupcast.PlanQuery{Paths: paths[:2]}, []protocol.TransferNo{old}, true},
			{"all of them", groupcast.PlanQuery{Paths: paths}, []protocol.TransferNo{old, other}, true},
			{"one is missing", groupcast.PlanQuery{Paths: paths[:1]}, nil, true},
			{"one is excluded", groupcast.PlanQuery{Paths: paths, Exclude: []string{"b"}}, []protocol.TransferNo{other}, true},
			{
				"of an upload, in whatever order",
				groupcast.PlanQuery{Entries: []groupcast.UploadEntry{{Path: "b", Size: 3}, {Path: "a", Size: 4}}},
				[]protocol.TransferNo{old},
				true,
			},
			{"only the size is known", groupcast.PlanQuery{Files: 3, Bytes: 30}, nil, false},
		} {
			if got, compared := replaced(c.q); !slices.Equal(got, c.want) || compared != c.compared {
				t.Errorf("%s: %v, compared %v", c.name, got, compared)
			}
		}
		// The plan was right.
		tr, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Paths: paths})
		w.must(err)
		if !slices.Equal(tr.Replaces, []protocol.TransferNo{old, other}) {
			t.Errorf("it replaced %v", tr.Replaces)
		}
	})
}

func TestAPlanGoesByWhatWasMeasured(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		_, err := w.CreateGroup(w.ctx, local, groupcast.NewGroup{Name: "other"})
		w.must(err)
		q := groupcast.PlanQuery{Groups: []string{"g"}, Files: 1, Bytes: 20_000_000, Now: true}
		if s := w.plan(q).Groups[0].Begins; s.Code != groupcast.StartsBehind || s.Behind != tr.No || s.Name != "x" {
			t.Errorf("while another is sent: %+v", s)
		}
		time.Sleep(4 * time.Second)
		for i, a := range agents {
			w.must(a.receipt(offers[i], groupcast.DeliveryVerified, groupcast.PathMulticast))
		}
		w.settle()
		g := w.plan(q).Groups[0]
		if g.Begins.Code != groupcast.StartsNow || g.Takes.Pace != nil || g.Takes.Rate != 0 {
			t.Errorf("500 bytes tell nothing: %+v", g)
		}
	})
}

func TestWhatNoPlanIsMadeOf(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann := w.enrol("ann", "g")
		for _, c := range []struct {
			name string
			p    groupcast.Principal
			q    groupcast.PlanQuery
			want groupcast.Code
		}{
			{"a member", ann.cli, groupcast.PlanQuery{Groups: []string{"g"}}, groupcast.EForbidden},
			{"a group that is not there", local, groupcast.PlanQuery{Groups: []string{"x"}}, groupcast.ENotFound},
			{"two ways at once", local, groupcast.PlanQuery{Paths: []string{"/x"}, Bytes: 1}, groupcast.EInvalid},
			{"held and now", local, groupcast.PlanQuery{Hold: true, Now: true}, groupcast.EInvalid},
			{"too much", local, groupcast.PlanQuery{Bytes: 1<<53 + 1}, groupcast.EInvalid},
			{"too many entries", local, groupcast.PlanQuery{Entries: make([]groupcast.UploadEntry, 10_001)}, groupcast.EInvalid},
			{"too many groups", local, groupcast.PlanQuery{Groups: make([]string, 101)}, groupcast.EInvalid},
			{"a pattern that is none", local, groupcast.PlanQuery{
				Entries: []groupcast.UploadEntry{{Path: "a"}}, Exclude: []string{"["},
			}, groupcast.EInvalid},
		} {
			if _, err := w.PlanTransfer(w.ctx, c.p, c.q); groupcast.ErrorCode(err) != c.want {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		w.group("empty")
		g := w.plan(groupcast.PlanQuery{Groups: []string{"empty"}, Now: true}).Groups[0]
		if g.Blocked != groupcast.ENobody || g.Begins.Code != groupcast.StartsMembers {
			t.Errorf("nobody is there: %+v", g)
		}
		p := w.plan(groupcast.PlanQuery{Groups: []string{"g"}, Entries: []groupcast.UploadEntry{
			{Path: "ok", Size: 7}, {Path: "sub", Kind: "folder"}, {Path: "no\x00", Size: 5}, {Path: "x.tmp", Size: 9},
		}, Exclude: []string{"*.tmp"}})
		if p.Files != 1 || p.Folders != 1 || p.Bytes != 7 || p.LeftOut.Total != 2 || p.Bad != 1 ||
			p.LeftOut.Entries[0].Why == groupcast.WhyExcluded {
			t.Errorf("what cannot be sent: %+v", p)
		}
	})
}

func TestAPlanGoesByTheLastTransfer(t *testing.T) {
	const size = 2_000_000
	withContent(t, map[string]string{"big": strings.Repeat("x", size)}, func(w *world, dir string) {
		ann := w.enrol("ann", "g").attach()
		tr, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{
			Group: "g", Paths: []string{filepath.Join(dir, "big")}, Now: true,
		})
		w.must(err)
		o := ann.offered()
		_, err = ann.ready(o)
		w.must(err)
		w.read(w.Blocks(w.ctx, ann.p, tr.No, 2, uint32(tr.Blocks)))
		time.Sleep(2 * time.Second)
		w.must(ann.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		time.Sleep(maintainEvery) // what went over HTTPS is counted then
		_, err = w.CreateGroup(w.ctx, local, groupcast.NewGroup{Name: "other"})
		w.must(err)
		_, err = w.AddMember(w.ctx, local, "other", "ann")
		w.must(err)
		for _, group := range []string{"g", "other"} {
			g := w.plan(groupcast.PlanQuery{Groups: []string{group}, Bytes: 10 * size, Now: true}).Groups[0]
			m := g.Takes.Pace
			if m == nil || m.Transfer != tr.No || m.Group != "g" || m.Devices != 1 || g.Takes.AtLeast {
				t.Fatalf("%s: %+v, measured %+v", group, g.Takes, m)
			}
			if m.Rate < 7_000_000 || m.Rate > 8_000_000 || g.Takes.For < 20*time.Second || g.Takes.For > 23*time.Second {
				t.Errorf("%s: 16 Mbit in two seconds and a little: %+v, measured %+v", group, g.Takes, m)
			}
		}
		over := groupcast.PlanQuery{Groups: []string{"g"}, Bytes: size, Via: groupcast.ViaMulticast}
		if g := w.plan(over).Groups[0]; g.Takes.Pace != nil {
			t.Errorf("multicast was never measured: %+v", g.Takes.Pace)
		}
	})
}
