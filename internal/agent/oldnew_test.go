package agent_test

import (
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
)

// speaking is a program of a release that speaks the wire up to a version.
func speaking(release string, wire int) groupcast.Speaks {
	one := groupcast.Versions{Least: 1, Most: 1}
	return groupcast.Speaks{Program: release, Control: one, Wire: groupcast.Versions{Least: 1, Most: wire}}
}

// newWorldOf is a world whose server is of some release.
func newWorldOf(t *testing.T, server groupcast.Speaks) *world {
	t.Helper()
	w := newWorld(t)
	w.becomes(server)
	return w
}

// becomes starts the server anew as that of another release.
func (w *world) becomes(server groupcast.Speaks) {
	w.t.Helper()
	address := w.address
	w.stop()
	w.spoken = server
	w.start(address)
}

// as starts a device's agent as that of some release; one that runs ends first.
func (d *device) as(release groupcast.Speaks) *device {
	d.w.t.Helper()
	if d.cancel != nil {
		check(d.w.t, d.end())
	}
	d.cfg.Attach.Speaks = release
	return d.run()
}

// delivered sends a file, waits until devices have it, and says whether that was a paged transfer.
func (w *world) delivered(name string, size int, devices ...*device) (paged bool) {
	w.t.Helper()
	path, data := w.file(name, size)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Via: groupcast.ViaMulticast})
	for _, d := range devices {
		w.until(tr, d.name, groupcast.DeliveryVerified)
		if !d.has(name, data) {
			w.t.Errorf("%s does not have %s", d.name, name)
		}
	}
	return tr.FileHash == groupcast.BLAKE3
}

var lastRelease, thisRelease = speaking("0.1.9", 1), speaking("0.2.0", 2)

// Receivers that speak the first format only, and such that speak both, with a server that speaks both.
func TestOlderReceivers(t *testing.T) {
	w := newWorldOf(t, thisRelease)
	a, b := w.enrol("anna", true), w.enrol("bert", true)
	a.as(lastRelease)
	b.as(thisRelease)
	if w.delivered("mixed.bin", 2<<20, a, b) {
		t.Error("a group with an older receiver got a paged transfer")
	}
	a.as(thisRelease)
	if !w.delivered("paged.bin", 2<<20, a, b) {
		t.Error("after the last upgrade the group did not get a paged transfer")
	}

	check(t, a.end())
	path, data := w.file("away.bin", 2<<20)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
	w.until(tr, "bert", groupcast.DeliveryVerified)
	a.as(lastRelease)
	d := w.until(tr, "anna", groupcast.DeliveryRefused)
	said := strings.Contains(d.Reason, "groupcast 0.1.9; install groupcast 0.2.0 there")
	if d.Refusal != groupcast.RefusedVersion || !said {
		t.Errorf("refused with %q: %s", d.Refusal, d.Reason)
	}
	if w.delivered("beside.bin", 1000, a, b) {
		t.Error("a group that has an older receiver again got a paged transfer")
	}
	a.as(thisRelease)
	w.until(tr, "anna", groupcast.DeliveryVerified)
	if !a.has("away.bin", data) {
		t.Error("after the upgrade the file that was refused is not there")
	}
}

// An older server sends to receivers that speak both; once it is upgraded its transfers are paged.
func TestOlderServer(t *testing.T) {
	w := newWorldOf(t, lastRelease)
	a, b := w.enrol("anna", true).as(thisRelease), w.enrol("bert", true).as(thisRelease)
	if w.delivered("first.bin", 2<<20, a, b) {
		t.Error("an older server made a paged transfer")
	}
	before := []int{a.count("connected"), b.count("connected")}
	w.becomes(thisRelease)
	w.await("both to be there again", func() bool {
		return a.count("connected") > before[0] && b.count("connected") > before[1]
	})
	if !w.delivered("second.bin", 2<<20, a, b) {
		t.Error("after the server's upgrade the group did not get a paged transfer")
	}
}
