package summary

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/schedule"
)

// Reason puts a reason of the schedule into words.
func Reason(r schedule.Reason) string {
	switch r.Code {
	case schedule.ByChoice:
		return "sent over HTTPS by choice"
	case schedule.AsAsked:
		return "as an administrator asked"
	case schedule.NoAnswer:
		return "did not answer the offer"
	case schedule.Fruitless:
		return "three multicast runs brought it nothing new"
	case schedule.SessionEnded:
		return "left over when the multicast session ended"
	case schedule.NobodyTookPart:
		return "nobody took part"
	case schedule.NoMulticast:
		return "its site has no multicast"
	case schedule.RelayAway:
		return "the relay of its site cannot be reached"
	case schedule.RelayFetching:
		return "the relay of its site fetches it"
	default:
		return r.Text
	}
}

// Says puts a device's own words into quotation marks: whoever runs it chose them.
func Says(text string) string {
	return "it says “" + strings.NewReplacer("“", `"`, "”", `"`).Replace(groupcast.Clip(text)) + "”"
}

// State says in words where a device stands with a transfer that it is served.
func State(d schedule.Delivery) string {
	switch d.State {
	case schedule.StateAsked:
		return "was offered it and has not answered yet"
	case schedule.StateStored:
		return "has every block and puts the files in place"
	case schedule.StateLater:
		return "put off as an administrator asked: it is served when the transfer is sent again"
	case schedule.StateSilent:
		return "connected, but does not answer: it is served when it does"
	case schedule.StatePaused:
		return "its catch-up failed and is tried again: " + Reason(d.Reason)
	case schedule.StateHTTPS:
		if d.Reason == (schedule.Reason{}) {
			return "receives over HTTPS"
		}
		return overHTTPS + Reason(d.Reason)
	default:
		return ""
	}
}

// Occupied says that a device gets another version of the same files first.
func Occupied(d schedule.Delivery) string {
	return fmt.Sprintf("waits until its receiver is through with transfer %d, which has the same files", d.Occupied)
}

// NothingAgain says why a transfer is owed to nobody again: who lacked it has a newer one; nil if somebody is.
func NothingAgain(no protocol.TransferNo, group string, all []groupcast.Delivery) error {
	var newer protocol.TransferNo
	for _, d := range all {
		if d.State.Owed() {
			return nil
		}
		newer = max(newer, d.ReplacedBy)
	}
	if newer == 0 {
		return nil
	}
	return groupcast.Errorf(groupcast.EConflict,
		"nobody lacks transfer %d any more: those who did not get it have transfer %d, which is newer", no, newer).
		WithHint("send the files again if they are to have them as they are now").
		WithNext(groupcast.Next{Step: groupcast.StepSendAgain, Group: group})
}

// Work says what a device is at.
func Work(w *groupcast.Work) string {
	switch {
	case w.Phase == groupcast.WorkLooking:
		return "looks through what lies there already"
	case w.Of == 0:
		return "puts the files in place"
	}
	return fmt.Sprintf("writing %s of %s files", readable(w.Done), readable(w.Of))
}

// readable groups the digits of a large number.
func readable(n int) string {
	s := strconv.Itoa(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
