package summary

import (
	"fmt"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/schedule"
)

// Counts counts the connected devices that are owed a transfer.
type Counts struct {
	Here     int    // all of them
	Fetching int    // over HTTPS, or with every block already
	Silent   int    // that do not answer
	Later    int    // that were put off
	Refused  int    // that cannot take it
	Coming   int    // that get it without help
	Bytes    uint64 // that those have verified
}

// Add counts a connected device by its state, and says whether it gets the transfer without help.
func (c *Counts) Add(state schedule.State) (comes bool) {
	c.Here++
	switch state {
	case schedule.StateRefused:
		c.Refused++
		return false
	case schedule.StateSilent:
		c.Silent++
		return false
	case schedule.StateLater:
		c.Later++
		return false
	case schedule.StateHTTPS, schedule.StateStored:
		c.Fetching++
	default: // on its way, or about to be
	}
	c.Coming++
	return true
}

// Progress is how much has arrived, 0 to 1: bytes verified over bytes wanted, of the devices that have it and
// of those that are connected and get it without help.
func (c Counts) Progress(tr groupcast.Transfer) float64 {
	all := tr.Verified + c.Coming
	switch {
	case all == 0:
		return 0
	case tr.Bytes == 0:
		return float64(tr.Verified) / float64(all)
	}
	return (float64(tr.Verified) + float64(c.Bytes)/float64(tr.Bytes)) / float64(all)
}

// RestsOn says whom a transfer waits for though they are connected.
func (c Counts) RestsOn() string {
	var parts []string
	if c.Silent > 0 {
		parts = append(parts, fmt.Sprintf("%d connected but not answering", c.Silent))
	}
	if c.Later > 0 {
		parts = append(parts, fmt.Sprintf("%d put off until it is sent again", c.Later))
	}
	return strings.Join(parts, ", ")
}

// Off says of so many deliveries that they wait for their receivers.
func Off(owed int) string {
	if owed == 1 {
		return "1 receiver is off and gets it when it is back"
	}
	return fmt.Sprintf("%d receivers are off and get it when they are back", owed)
}

// TooLarge says in words that packets of so many bytes do not fit through a network card; "" if they do, or the
// card is not known.
func TooLarge(bytes, mtu int) string {
	if mtu <= 0 || bytes <= mtu {
		return ""
	}
	return fmt.Sprintf("its network card takes only %d bytes in a packet, and those of this session have %d", mtu, bytes)
}

// Waiting says why a transfer waits in a site.
func Waiting(r schedule.Run, now time.Time) string {
	switch {
	case r.Waits == schedule.RelayAway:
		return "waits for the relay of its site, which cannot be reached since " + r.Since.Format(time.TimeOnly)
	case r.Waits == schedule.RelayFetching:
		return "waits until the relay of its site has fetched it"
	case r.Ahead != 0:
		return fmt.Sprintf("waits for transfer %d of this group", r.Ahead)
	case r.Phase == schedule.PhaseGathering:
		return fmt.Sprintf("waits %s for others that may come", max(0, r.Closes.Sub(now)).Round(time.Second))
	case r.Phase == schedule.PhaseRekeying:
		return "the members changed: a new session follows"
	}
	return "is next"
}
