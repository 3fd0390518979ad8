package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"syscall"
	"time"

	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

// moods are what happens to a device's commits and disk besides crashes: a session's or a job's
// end cancels a commit at any operation, the disk fails for a while, and somebody touches files
// without changing them. They have a chance of their own, so that the rest of a seed stays.
type moods struct {
	rnd   *rand.Rand
	sick  bool // the disk fails in the middle of what it does next
	false bool // sabotage: what is read of delivered files now is not what lies there
}

// disk is the device's disk as its spool sees it.
type moodyDisk struct {
	*spooltest.Disk
	d *device
}

// SyncFolder may fail alone, with nothing wrong before and after it.
func (m *moodyDisk) SyncFolder(name string) error {
	if p := m.d.plan.badNames; p > 0 && !m.d.w.calm && chance(m.d.moods.rnd, p) {
		m.d.w.note("a barrier for names fails", uint64(m.d.i))
		return syscall.EIO
	}
	return m.Disk.SyncFolder(name)
}

// powered is a ledger on the device's disk: when the power is out, it takes nothing either.
type powered struct {
	*spooltest.Ledger
	disk *spooltest.Disk
}

// Record stores the outcomes, as long as there is power.
func (p powered) Record(batch []spool.Outcome) error {
	if p.disk.Left() == 0 {
		return spooltest.ErrPower
	}
	return p.Ledger.Record(batch)
}

type moodyFile struct{ diskfs.File }

func (m *moodyDisk) Open(name string, write bool) (diskfs.File, error) {
	f, err := m.Disk.Open(name, write)
	if err == nil && m.d.moods.false && strings.HasPrefix(name, groupName+"/") {
		return &moodyFile{f}, nil
	}
	return f, err
}

// ReadAt gives bytes that nobody wrote: as a comparison has it that takes a read that was broken
// off for one that came to its end.
func (f *moodyFile) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(b, off)
	for i := range b[:n] {
		b[i] ^= 0x55
	}
	return n, err
}

// plans lets moods happen until the faults are over.
func (m *moods) plans(d *device) {
	for range m.rnd.IntN(4) {
		d.w.at(within(m.rnd, d.w.plan.until), func() { d.touch() })
	}
	for n := range d.plan.sick {
		d.w.at(d.w.plan.until*time.Duration(n)/time.Duration(d.plan.sick), func() { m.sick = true })
	}
	if chance(m.rnd, 0.2) {
		d.w.at(within(m.rnd, d.w.plan.until), func() { m.sick = true })
	}
}

// touch gives a delivered file another time.
func (d *device) touch() {
	files := d.delivered()
	if !d.alive || len(files) == 0 {
		return
	}
	name := files[d.moods.rnd.IntN(len(files))]
	if err := d.disk.Chtimes(name, time.Unix(1_000_000_000+d.moods.rnd.Int64N(1e9), 0)); err != nil {
		d.disturbed(err)
		return
	}
	d.w.count("fault: file touched")
}

// tryCommit commits with a context that may be cancelled at any operation, on a disk that may
// begin to fail at any.
func (d *device) tryCommit(k *work) error {
	m := &d.moods
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if !d.w.calm && (m.sick || chance(m.rnd, 0.4)) {
		left := m.rnd.IntN(60)
		if d.plan.cuts {
			left = m.rnd.IntN(300)
		}
		d.disk.EachStep = func() {
			if left--; left == 0 {
				d.strike(cancel)
			}
		}
	}
	before := map[int]bool{}
	for _, o := range k.staging.Outcomes() {
		before[o.File] = true
	}
	err := k.staging.Commit(ctx)
	d.disk.EachStep, d.disk.Sick, m.false = nil, nil, false
	for _, o := range k.staging.Outcomes() {
		if !before[o.File] {
			d.committed(o)
		}
	}
	if errors.Is(err, context.Canceled) {
		d.w.count("fault: commit cancelled")
	}
	return err
}

// strike is the moment at which a commit is cancelled, or the disk begins to fail. The sabotages
// let the work go on with what it read.
func (d *device) strike(cancel context.CancelFunc) {
	m := &d.moods
	switch {
	case d.plan.cuts:
		d.disk.CrashAfter(0)
	case m.sick && d.w.sabotage == ErrorIsEdit, !m.sick && d.w.sabotage == DecideCancelled:
		m.false = true
	case m.sick:
		d.disk.Sick = syscall.EIO
	default:
		cancel()
	}
	m.sick = false
}

// commitAlong commits what is whole while the rest still comes, now and then.
func (d *device) commitAlong(k *work) bool {
	if !chance(d.moods.rnd, 0.5) {
		return true
	}
	d.w.count("device: commit along the way")
	if err := d.tryCommit(k); err != nil && !errors.Is(err, context.Canceled) {
		d.trouble(k, err)
		return false
	}
	d.checkFiles()
	return true
}

// commitAgain goes on after a commit that was cancelled.
func (d *device) commitAgain(k *work) {
	d.after(k, within(d.moods.rnd, 50*time.Millisecond), func() { d.commit(k) })
}
