package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// Counts say how often each fault and each branch occurred. Their keys are fixed: what never
// occurred stands there with zero.
type Counts map[string]uint64

// add sums another run's counts.
func (c Counts) add(o Counts) {
	for k, n := range o {
		c[k] += n
	}
}

// meet counts another run's occasions once each, however often they occurred in it.
func (c Counts) meet(o Counts) {
	for k, n := range o {
		c[k] += min(n, 1)
	}
}

// usual: in one of so many seeds, or in more of them, occurs what is not in scarce.
const usual = 16

// scarce are occasions that occur in fewer: in one of so many seeds, by half of what was measured.
var scarce = map[string]int{
	"behind: " + string(send.CauseSlow): 20, "behind: " + string(send.CauseLoss): 150,
	"deed: cancelled in mid-session": 30, "deed: catch up": 40, "deed: dropped": 25, "deed: put off": 45,
	"device: catch-up asked": 25, "event: " + kindName(recv.CatchUp): 25, "device: manifest of an earlier content": 20,
	"device: refused what is over": 500, "device: refused what it was not offered": 150, "device: refused what was replaced": 50,
	"fault: content that cannot be read": 20, "fault: files changed in mid-session": 20,
	"fault: no session could be opened": 70, "fault: server stood still": 25,
	"manifest: of other content": 700, "net: queue overflowed": 20, "offer: refused as older than one taken": 20,
	"receipt: already-had": 20, "receipt: of other content": 5000, "receipt: sent again": 20,
	"receipt: superseded": 40, "receipt: too late": 70, "recv: evicted": 25, "recv: malformed": 20,
	"send: source sent again": 150, "session: overtaken while it was made": 500,
}

// surely is how many times that number of seeds have to be played until an occasion that never occurred is a
// finding: by chance alone it is missed once in e^surely times, which is more than fifty million.
const surely = 18

// missing lists what never occurred in so many seeds, though it should have.
func (c Counts) missing(seeds int) (out []string) {
	for _, k := range slices.Sorted(maps.Keys(c)) {
		if strings.HasPrefix(k, "selection: ") {
			continue // TestSelections makes them
		}
		one, rare := scarce[k]
		if !rare {
			one = usual
		}
		if c[k] == 0 && seeds >= surely*one {
			out = append(out, k)
		}
	}
	return out
}

func (c Counts) String() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(c)) {
		fmt.Fprintf(&b, "  %-36s %d\n", k, c[k])
	}
	return b.String()
}

// occasions are counted by hand, where they happen.
var occasions = []string{
	"fault: device crash", "fault: power out in the middle of a write", "fault: agent killed", "fault: server crash",
	"fault: late join", "fault: partition", "fault: feedback cut off", "fault: stubborn lie", "fault: control offline",
	"fault: disk hangs", "fault: control stalled", "fault: event stream lost", "fault: call lost", "fault: server stood still",
	"fault: no session could be opened", "fault: content that cannot be read", "fault: removal",
	"fault: removal in mid-session", "fault: admitted again", "fault: lying NACK",
	"fault: forged packet", "fault: forged SYNC", "fault: garbage", "fault: old offer replayed",
	"fault: file touched", "fault: commit cancelled", "fault: disk failed in the middle of a commit",
	"fault: disk full at the start", "fault: deaf device", "fault: offer came late",
	"fault: files changed at the server", "fault: files changed in mid-session",
	"deed: cancelled", "deed: cancelled in mid-session", "deed: owed again", "deed: held", "deed: released",
	"deed: catch up", "deed: put off", "deed: dropped", "deed: sent once more",
	"device: commit along the way",
	"selection: passed over", "selection: who came belongs to it", "selection: who came does not",
	"offer: admitted", "offer: refused as old", "offer: refused as older than one taken",
	"hand-out: given", "hand-out: refused", "hand-out: to be fetched over HTTPS",
	"manifest: by group", "manifest: by HTTPS", "manifest: of other content",
	"device: resumed with blocks", "device: refused for space", "device: refused for io", "device: refused what is over",
	"device: refused what it was not offered", "device: refused what was replaced",
	"device: looked at the disk", "device: tried again with space", "device: stumbled", "device: work failed",
	"device: overtaken", "device: work stopped", "device: swept", "device: left the group",
	"device: heard an announcement",
	"device: mismatch", "device: forged symbol located", "device: forged symbols not located", "device: catch-up asked",
	"device: offered over HTTPS", "device: manifest of an earlier content",
	"packet: number outside the window", "packet: does not open", "packet: SYNC not newer",
	"packet: SYNC signature bad", "packet: of no session", "receipt: verified",
	"receipt: superseded", "receipt: already-had", "receipt: incomplete", "receipt: sent again", "receipt: too late",
	"receipt: of other content", "transfer: done", "session: opened", "session: over",
	"session: offered late", "session: overtaken while it was made", "server: a step took a while",
	"session: stopped for a removal", "eavesdropper: packet that stays closed",
	"stream: replaced", "stream: event lost", "state: not read",
	"feedback: over HTTPS",
	"feedback: opened", "feedback: replayed", "feedback: of no session",
	"event: " + kindName(recv.BlockReady), "event: " + kindName(recv.CatchUp),
	"event: " + kindName(recv.Done), "event: " + kindName(recv.Silent),
	"event: " + kindName(recv.Unheard), "event: " + kindName(recv.Ended),
	"behind: " + string(send.CauseLoss), "behind: " + string(send.CauseSilent),
	"behind: " + string(send.CauseInconsistent), "behind: " + string(send.CauseSlow), "event: device done",
}

func kindName(k recv.EventKind) string {
	switch k {
	case recv.BlockReady:
		return "block ready"
	case recv.CatchUp:
		return "catch-up"
	case recv.Done:
		return "done"
	case recv.Silent:
		return "silent"
	case recv.Unheard:
		return "unheard"
	case recv.Ended:
		return "ended"
	}
	return fmt.Sprintf("kind %d", k)
}

func newCounts() Counts {
	c := Counts{}
	for _, o := range occasions {
		c[o] = 0
	}
	c.network(netsim.Faults{})
	c.disk(spooltest.Counts{})
	c.sender(send.Counters{})
	c.receiver(recv.Status{})
	return c
}

func (c Counts) network(f netsim.Faults) {
	c["net: delivered"] += f.Delivered
	c["net: lost"] += f.Lost
	c["net: lost in a burst"] += f.Burst
	c["net: reordered"] += f.Reordered
	c["net: duplicated"] += f.Duplicated
	c["net: parted"] += f.Parted
	c["net: queue overflowed"] += f.Overflowed
}

func (c Counts) disk(d spooltest.Counts) {
	c["disk: crash"] += uint64(d.Crashes)
	c["disk: writes lost in a crash"] += uint64(d.LostWrites)
	c["disk: names lost in a crash"] += uint64(d.LostNames)
}

func (c Counts) sender(n send.Counters) {
	c["send: source symbols"] += n.Source
	c["send: proactive parity"] += n.Proactive
	c["send: repair parity"] += n.Repair
	c["send: source sent again"] += n.Resent
	c["send: SYNCs"] += n.Syncs
	c["send: NACKs"] += n.NACKs
	c["send: asks out of bounds"] += n.Refused
	c["send: asks already answered"] += n.OnTheWay
	c["send: over its share of repair"] += n.Overs
}

func (c Counts) receiver(s recv.Status) {
	c["recv: asks"] += s.Asks
	c["recv: reports"] += s.Reports
	c["recv: duplicate symbol"] += s.Drops.Duplicate
	c["recv: of a verified block"] += s.Drops.Verified
	c["recv: malformed"] += s.Drops.Malformed
	c["recv: outside the window"] += s.Drops.Window
	c["recv: ring full"] += s.Drops.Ring
	c["recv: pool full"] += s.Drops.Pool
	c["recv: evicted"] += s.Drops.Evicted
	c["recv: mismatched block"] += s.Drops.Mismatched
}
