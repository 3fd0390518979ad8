package loop

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	maxGroups   = 64              // joined at once (rule R5)
	maxClockOff = 2 * time.Minute // more is worth a warning
)

// groupName is what a group's name must look like before it becomes a folder (rule R1).
var groupName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// reading is the state that is being read. What was heard of a transfer meanwhile is newer than what
// the state says of it.
type reading struct {
	number   uint64 // of the newest request
	underWay bool
	hello    bool      // it is the first of a connection
	asked    time.Time // when
	again    bool      // it is to be read once more after this time
	retry    time.Time // when it is read again because it could not be; zero: it was
	pause    time.Duration
	warned   string // why the last one was not believed
	touched  map[protocol.TransferNo]bool
}

func newReading() reading { return reading{touched: map[protocol.TransferNo]bool{}} }

// touch notes that something newer is known of a transfer than what a state that is being read says.
func (r *reading) touch(no protocol.TransferNo) {
	if r.underWay {
		r.touched[no] = true
	}
}

// readState asks for the state. While it is being read a further request is put off until the answer
// is there; a new connection does not wait for the answer of the last one.
func (l *Loop) readState(now time.Time, hello bool) {
	r := &l.reading
	if l.foreign != "" {
		return
	}
	if r.underWay && !hello {
		r.again = true
		return
	}
	r.number++
	r.underWay, r.hello, r.asked, r.again = true, hello || r.hello, now, false
	clear(r.touched)
	l.act(ReadState{r.number})
}

// StateFailed says that the state could not be read; a warning, if there is one, is said.
func (l *Loop) StateFailed(now time.Time, number uint64, warning string) {
	if number != l.reading.number {
		return
	}
	r := &l.reading
	if warning != "" && warning != r.warned {
		l.say(Line{Kind: "warning", Text: warning})
	}
	r.warned = warning
	r.pause = min(max(2*r.pause, firstLook), lastLook)
	r.retry = now.Add(r.pause/2 + l.cfg.Random(r.pause/2))
	l.stateRead(now)
}

// stateRead ends a reading, and begins the next if something was heard that asks for it.
func (l *Loop) stateRead(now time.Time) {
	l.reading.underWay = false
	if l.reading.again {
		l.readState(now, false)
	}
}

// State takes over groups and offers as they are now.
func (l *Loop) State(now time.Time, number uint64, state groupcast.AgentState) {
	if number != l.reading.number {
		return
	}
	if l.foreign != "" || l.leaving {
		l.stateRead(now)
		return
	}
	l.checkClock(state.Now, now)
	l.setGroups(state.Groups)
	l.reading.retry, l.reading.pause, l.reading.warned = time.Time{}, 0, ""
	if l.reading.hello {
		l.reading.hello = false
		l.say(Line{Kind: "connected", Text: fmt.Sprintf("connected to %s as %s; %s; files go to %s",
			l.cfg.Address, state.Device.Name, Plural(len(l.groups), "group"), l.cfg.Dir)})
		l.sendKept(now)
		l.spaceAt = time.Time{} // another server process does not know it
		l.act(MeasureSpace{})
		l.act(TellMTU{})
	}
	l.notice(state)
	l.takeOffers(now, state.Offers)
	if state.OwedComplete {
		l.dropNotOwed(state.Owed)
	}
	l.stateRead(now)
}

// takeOffers takes what is offered now, and stops what is not offered any more.
func (l *Loop) takeOffers(now time.Time, offers []groupcast.Offered) {
	offered := map[protocol.TransferNo]bool{}
	for _, o := range offers {
		parsed, err := ParseOffer(o.Offer)
		if err == nil {
			offered[parsed.Transfer] = true
		}
		if err != nil || !l.reading.touched[parsed.Transfer] {
			l.take(now, o)
		}
	}
	for _, no := range l.numbers() {
		if t := l.transfers[no]; !offered[no] && !l.reading.touched[no] {
			l.stop(t) // removed, cancelled or over
		}
	}
	l.forgetSetbacks(now, offered)
}

// dropNotOwed deletes what is half received of transfers that are not owed any more.
func (l *Loop) dropNotOwed(all []protocol.TransferNo) {
	keep := map[protocol.TransferNo]bool{}
	for _, no := range all {
		keep[no] = true
	}
	for no := range l.reading.touched {
		if !keep[no] { // this state is too old to decide that nothing of it is owed: the next one does
			l.reading.again = true
		}
		keep[no] = true
	}
	for no, t := range l.transfers {
		switch {
		case keep[no]:
		case t.waits: // nobody works on it: it goes at once
			delete(l.transfers, no)
			delete(l.setbacks, no)
			continue
		default:
			t.ends()
		}
		keep[no] = true
	}
	l.act(Forget{func(no protocol.TransferNo) bool { return keep[no] }})
	l.act(Sweep{func(no protocol.TransferNo) bool { return keep[no] }})
}

func (l *Loop) checkClock(server, now time.Time) {
	off := now.Add(-now.Sub(l.reading.asked) / 2).Sub(server)
	if off.Abs() > maxClockOff && !l.warned {
		l.warned = true
		l.say(Line{Kind: "warning", Text: fmt.Sprintf("this machine's clock is off by %s against the server's; "+
			"nothing depends on it, but times shown here do", off.Round(time.Second))})
	}
}

// setGroups joins new groups and leaves those that this device is not in any more.
func (l *Loop) setGroups(groups []groupcast.AgentGroup) {
	next, leftOut := map[protocol.GroupID]groupcast.AgentGroup{}, map[protocol.GroupID]string{}
	for _, g := range groups {
		if !groupName.MatchString(g.Name) || len(next) == maxGroups {
			l.act(Note{"a group is left out", g.ID.String()})
			leftOut[g.ID] = fmt.Sprintf("its group is left out: a receiver takes part in %d groups at most, and only in those "+
				"with a name that can be a folder", maxGroups)
			continue
		}
		if other, taken := twin(g, groups); taken {
			why := fmt.Sprintf("group %s is left out: some file systems take its folder for that of group %s; "+
				"an administrator has to make a group of another name", g.Name, other)
			if l.leftOut[g.ID] != why {
				l.say(Line{Kind: "warning", Group: g.Name, Text: why})
			}
			leftOut[g.ID] = why
			continue
		}
		next[g.ID] = g
		if _, known := l.groups[g.ID]; !known {
			l.say(Line{Kind: "group", Group: g.Name, Text: fmt.Sprintf("in group %s (%s)", g.Name, g.Address)})
			l.act(JoinGroup{g})
		}
	}
	for _, g := range l.sortedGroups() {
		if _, still := next[g.ID]; still {
			continue
		}
		if l.joined[g.ID] {
			l.act(LeaveGroup{g.ID})
			l.say(Line{Kind: "group", Group: g.Name, Text: "no longer in group " + g.Name})
		}
		delete(l.joined, g.ID)
	}
	l.groups, l.leftOut = next, leftOut
}

// sortedGroups gives the groups in an order that does not depend on chance.
func (l *Loop) sortedGroups() []groupcast.AgentGroup {
	return slices.SortedFunc(maps.Values(l.groups), func(a, b groupcast.AgentGroup) int {
		return strings.Compare(a.Name, b.Name)
	})
}

// twin gives the group with a folder that a file system which drops dots at the end of a name takes
// for that of g. Of two such groups the one with fewer dots keeps it.
func twin(g groupcast.AgentGroup, groups []groupcast.AgentGroup) (other string, taken bool) {
	if !strings.HasSuffix(g.Name, ".") {
		return "", false
	}
	for _, o := range groups {
		if len(o.Name) < len(g.Name) && groupName.MatchString(o.Name) &&
			strings.TrimRight(o.Name, ".") == strings.TrimRight(g.Name, ".") {
			return o.Name, true
		}
	}
	return "", false
}

// rejoin tries the groups again that could not be joined: a network card that was down may be up by
// now.
func (l *Loop) rejoin() {
	for _, g := range l.sortedGroups() {
		if !l.joined[g.ID] {
			l.act(JoinGroup{g})
		}
	}
}

// Joined says that a group is heard.
func (l *Loop) Joined(id protocol.GroupID) {
	before, failed := l.joined[id]
	g, ours := l.groups[id]
	if !ours || before {
		return
	}
	if l.joined[id] = true; failed { // before
		l.say(Line{Kind: "group", Group: g.Name, Text: fmt.Sprintf("group %s: multicast works now", g.Name)})
	}
}

// JoinFailed says that a group cannot be heard now; that is said once.
func (l *Loop) JoinFailed(id protocol.GroupID, why error) {
	g, ours := l.groups[id]
	if _, failed := l.joined[id]; !ours || failed {
		return
	}
	l.joined[id] = false
	l.say(Line{Kind: "warning", Group: g.Name, Text: fmt.Sprintf(
		"group %s: no multicast here (%v); its files come over HTTPS", g.Name, why)})
}

// notices are the lines that were shown already about devices and groups: each state has them again.
type notices struct {
	devices  map[protocol.DeviceID]bool
	withheld map[string]groupcast.RequestState
}

// notice says what the user of this machine should know: a login elsewhere that may not be theirs,
// and groups that this machine waits for.
func (l *Loop) notice(state groupcast.AgentState) {
	said := notices{devices: map[protocol.DeviceID]bool{}, withheld: map[string]groupcast.RequestState{}}
	for _, d := range state.NewDevices {
		said.devices[d.ID] = true
		if !l.noticed.devices[d.ID] {
			l.say(Line{Kind: "warning", Text: fmt.Sprintf("new device %s of %s since %s: if nobody of yours logged in there, "+
				"end it (groupcast device revoke %s) and change the password (groupcast passwd)",
				d.Name, d.User, d.Since.Local().Format("15:04"), d.ID)})
		}
	}
	for _, g := range state.Withheld {
		said.withheld[g.Name] = g.State
		if l.noticed.withheld[g.Name] == g.State {
			continue
		}
		text := "group %s: this device is new and waits for an administrator to approve it; " +
			"until then nothing of the group comes here"
		if g.State == groupcast.RequestDenied {
			text = "group %s: an administrator did not let this device in; nothing of the group comes here"
		}
		l.say(Line{Kind: "group", Group: g.Name, Text: fmt.Sprintf(text, g.Name)})
	}
	l.noticed = said
}

// judge compares the versions that the server speaks with those of this program, and says it once if
// they have nothing in common. The agent stays connected; when the server is replaced the connection
// breaks, and the next one is judged again.
func (l *Loop) judge(server *groupcast.Speaks) {
	if server == nil {
		server = &groupcast.Speaks{} // the first release
	}
	own, why := l.cfg.Speaks, ""
	switch own.Judge(*server) {
	case groupcast.TooNew:
		why = fmt.Sprintf("the server is newer than this program: install %s here (this is %s)", server.Named(), own.Named())
	case groupcast.TooOld:
		why = fmt.Sprintf("the server is older than this program: it has to be %s, or install %s here",
			own.Named(), server.Named())
	case groupcast.Fits:
	}
	if why != "" && why != l.foreign {
		l.say(Line{Kind: "warning", Text: why + "; until then nothing can be received, and the server keeps what is owed"})
	}
	if l.foreign = why; why != "" {
		for _, no := range l.numbers() {
			l.stop(l.transfers[no]) // what is received stays
		}
	}
}

// decline answers an offer of a server with a version that does not fit.
func (l *Loop) decline(e groupcast.AgentEvent) {
	if e.Offer == nil {
		return
	}
	no := e.Offer.Transfer
	if offer, err := ParseOffer(e.Offer.Offer); err == nil {
		no = offer.Transfer
	}
	if no != 0 {
		l.act(Refuse{Transfer: no, Kind: groupcast.RefusedVersion, Reason: l.foreign})
	}
}
