package recent_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/recent"
	"github.com/groupcast/groupcast/internal/store/sqlite"
)

// killedAt names the database for the process that is killed.
const killedAt = "GROUPCAST_TEST_KILLED_AT"

// A receipt that was answered is kept, whenever the process is killed.
func TestAnsweredReceiptsOutliveAKill(t *testing.T) {
	if path := os.Getenv(killedAt); path != "" {
		answerReceipts(t, path)
		return
	}
	for _, after := range []int{1, 40, 150} {
		t.Run(fmt.Sprintf("after %d", after), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "db.sqlite")
			answered := killAfter(t, path, after)
			s, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			closed := map[string]bool{}
			list, err := s.Deliveries(t.Context(), 1, groupcast.Window{})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range list.Rows {
				closed[d.DeviceID.String()] = d.State == groupcast.DeliveryVerified
			}
			for _, dev := range answered {
				if !closed[dev] {
					t.Errorf("the receipt of %s was answered and is lost", dev)
				}
			}
			tr, err := s.Transfer(t.Context(), 1)
			if err != nil || tr.Verified+tr.Owed != len(list.Rows) || tr.Verified < len(answered) {
				t.Errorf("%d answered, counted %d and %d owed of %d, %v", len(answered), tr.Verified, tr.Owed, len(list.Rows), err)
			}
		})
	}
}

// killAfter kills a process that answers receipts after so many, and gives the devices that were answered.
func killAfter(t *testing.T, path string, after int) (answered []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestAnsweredReceiptsOutliveAKill$")
	cmd.Env = append(os.Environ(), killedAt+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var dev protocol.DeviceID
		if dev.UnmarshalText(lines.Bytes()) != nil {
			break // cut off, or it ended by itself
		}
		if answered = append(answered, dev.String()); len(answered) == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it ended by itself: nothing was killed")
	}
	if len(answered) < after {
		t.Fatalf("%d receipts were answered, want %d at least", len(answered), after)
	}
	return answered
}

// answerReceipts closes the deliveries of many devices at the same time and says whose are answered.
func answerReceipts(t *testing.T, path string) {
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	s := recent.New(db)
	no, owed := owing(t, s, 400)
	for i, d := range owed {
		go func() {
			time.Sleep(time.Duration(i) * time.Millisecond)
			if _, err := s.CloseDelivery(t.Context(), store.Closing{
				Transfer: no, Device: d.DeviceID, State: groupcast.DeliveryVerified,
			}, time.UnixMicro(1_800_000_001_000_000)); err == nil {
				os.Stdout.WriteString(d.DeviceID.String() + "\n") // one write: whole or not at all
			}
		}()
	}
	time.Sleep(time.Minute) // it is killed before
}
