package send_test

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// kind is what receivers tell the server, by kind.
type kind int

// Feedback packets ask for symbols, say that everything is stored, or only report; ready and
// receipts are one HTTPS request a device.
const (
	ready kind = iota
	reports
	asks
	dones
	receipts
	kinds
)

var kindNames = [kinds]string{"ready", "reports", "asks", "done", "receipts"}

// Bytes on the wire. The requests run over a connection that is open already: 600 bytes are
// the HTTP/2 head in full and the heads of TLS, TCP, IP and Ethernet; 180 and 420 the JSON
// bodies as the agent writes them.
const (
	feedbackHeads = 42 // Ethernet, IPv4 and UDP
	readyBytes    = 600 + 180
	receiptBytes  = 600 + 420
)

// budget is how many bytes of a kind a group may send in any one second at a rate of the
// session (bytes a second). Requests are spread (protocol.Spread), and a second may hold a
// fifth more than its share by chance, or what a prompt group says at once; reports
// keep to a share of the rate; asks are bounded by suppression, whatever the size of the
// group.
func budget(k kind, rate uint64) int {
	const perSecond = protocol.RequestsPerSecond*6/5 + protocol.PromptGroup
	switch k {
	case ready:
		return perSecond * readyBytes
	case receipts:
		return perSecond * receiptBytes
	case asks:
		return 64 << 10
	default:
		return max(int(rate)/25, 64<<10) * 11 / 10 // send's reportShare and reportFloor
	}
}

// traffic counts bytes by kind and second.
type traffic [kinds][]int

func (t *traffic) add(k kind, since time.Duration, bytes int) {
	second := int(since / time.Second)
	for len(t[k]) <= second {
		t[k] = append(t[k], 0)
	}
	t[k][second] += bytes
}

// feedback counts a feedback packet.
func (t *traffic) feedback(since time.Duration, f wire.Feedback, body int) {
	k := reports
	switch {
	case len(f.NACKs)+len(f.Ranges) > 0:
		k = asks
	case f.Flags&wire.FeedbackDone != 0:
		k = dones
	}
	t.add(k, since, protocol.FeedbackOverhead+feedbackHeads+body)
}

// check compares the busiest second of each kind with its budget.
func (t *traffic) check(test testing.TB, rate uint64) {
	for k := range kinds {
		sum, peak := 0, 0
		for _, bytes := range t[k] {
			sum += bytes
			peak = max(peak, bytes)
		}
		test.Logf("%-8s %9d bytes, %8d a second on average, %8d in the busiest second; at most %d",
			kindNames[k], sum, sum/max(len(t[k]), 1), peak, budget(k, rate))
		if peak > budget(k, rate) {
			test.Errorf("%s: %d bytes in one second, at most %d are allowed", kindNames[k], peak, budget(k, rate))
		}
	}
}
