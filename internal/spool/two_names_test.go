package spool_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// powered is a ledger on a disk: when the power is out, it takes nothing either.
type powered struct {
	*spooltest.Ledger
	disk *spooltest.Disk
}

func (p powered) Record(batch []spool.Outcome) error {
	if p.disk.Left() == 0 {
		return spooltest.ErrPower
	}
	return p.Ledger.Record(batch)
}

// outage is a device whose power goes out while it commits a transfer with a folder, and that gets a newer one
// next in which the folder is a file.
type outage struct {
	disk   *spooltest.Disk
	ledger powered
	rnd    *rand.Rand
	both   bool // the crash left a file under both of its names
}

func newOutage(seed uint64) *outage {
	disk := spooltest.NewDisk(rand.New(rand.NewPCG(seed, 11)))
	return &outage{disk: disk, ledger: powered{spooltest.NewLedger(), disk}, rnd: rand.New(rand.NewPCG(seed, 12))}
}

// begins is a process that has just begun.
func (o *outage) begins() (*spool.Spool, error) {
	return spool.Open(spool.Config{
		Dir: "x", Group: "lab", GroupID: protocol.GroupID{1}, Ledger: o.ledger, FS: o.disk, Reserve: -1,
	})
}

// deliver stages, fills and commits a transfer; the power goes out after so many operations of the commit.
func (o *outage) deliver(t *testing.T, no protocol.TransferNo, tr *transfer, after int) error {
	s, err := o.begins()
	if err != nil {
		return err
	}
	g, err := s.Stage(t.Context(), no, tr.layout)
	if err != nil {
		return err
	}
	if err := tr.writeMissing(g); err != nil {
		return err
	}
	o.disk.CrashAfter(after)
	err = g.Commit(t.Context())
	for _, e := range g.Outcomes() {
		if e.Result == spool.Rejected || e.Result == spool.KeptBoth {
			return fmt.Errorf("%s: %s", e.Path, e.Reason)
		}
	}
	return err
}

// lookForBoth notes whether a file of transfer 1 has both names.
func (o *outage) lookForBoth() {
	for i, name := range []string{"lab/d1/f1", "lab/d1/f2"} {
		from, err := o.disk.Lstat(fmt.Sprintf(".groupcast/0000000000000000-1/c%d", i))
		to, also := o.disk.Lstat(name)
		o.both = o.both || err == nil && also == nil && o.disk.SameFile(from, to)
	}
}

// sweep drops the first transfer, while the power may go out again.
func (o *outage) sweep(t *testing.T) error {
	for try := range 3 {
		o.disk.CrashAfter(-1)
		if try < 2 {
			o.disk.CrashAfter(o.rnd.IntN(30))
		}
		s, err := o.begins()
		if err == nil {
			err = s.Drop(t.Context(), 1)
		}
		if !errors.Is(err, spooltest.ErrPower) {
			o.disk.CrashAfter(-1)
			return err
		}
		o.disk.Crash()
	}
	return errors.New("it never ends")
}

// What a crash caught is groupcast's, also under a name that the file has besides its staged one, and also if what
// was staged is swept before anything else comes: it makes room for a newer transfer.
func TestTwoNamesAfterACrash(t *testing.T) {
	first := makeTransfer(t, map[string][]byte{"d1/f1": []byte("one"), "d1/f2": []byte("two")})
	next := makeTransfer(t, map[string][]byte{"d1": []byte("a file now")})
	const plenty = 1 << 20
	whole := newOutage(0)
	must(t, whole.deliver(t, 1, first, plenty))
	total := plenty - whole.disk.Left()
	for _, swept := range []bool{false, true} {
		t.Run(fmt.Sprintf("swept %v", swept), func(t *testing.T) {
			both := 0
			for n := range 20 * total {
				o := newOutage(uint64(n))
				if err := o.deliver(t, 1, first, n%total); !errors.Is(err, spooltest.ErrPower) {
					t.Fatalf("crash %d: %v", n, err)
				}
				o.disk.Crash()
				if o.lookForBoth(); o.both {
					both++
				}
				if swept {
					must(t, o.sweep(t))
				}
				if err := o.deliver(t, 2, next, -1); err != nil {
					t.Errorf("crash %d after %d operations: %v", n, n%total, err)
				}
				if have := texts(o.disk.Files("lab")); !maps.Equal(have, map[string]string{"lab/d1": "a file now"}) {
					t.Errorf("crash %d after %d operations: there is %q", n, n%total, have)
				}
			}
			if both == 0 {
				t.Error("no crash left a file under both names")
			}
			t.Logf("%d crashes, %d with both names", 20*total, both)
		})
	}
}

func texts(files map[string][]byte) map[string]string {
	out := map[string]string{}
	for name, data := range files {
		out[name] = string(data)
	}
	return out
}
