package server

import (
	"testing"

	"github.com/groupcast/groupcast"
)

func TestADeviceAndWhatItGot(t *testing.T) {
	withContent(t, nil, func(w *world, _ string) {
		a := w.enrol("ann", "g").attach()
		b := w.enrol("bob", "g")
		up := w.uploaded()
		_, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Upload: up, Now: true})
		w.must(err)
		held, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Upload: up, Hold: true})
		w.must(err)

		d, err := w.Device(w.ctx, local, b.p.Device.ID)
		w.must(err)
		if d.Owed != 2 || len(d.Groups) != 1 || d.Groups[0] != "g" {
			t.Errorf("an administrator sees %d owed, groups %v", d.Owed, d.Groups)
		}
		if d, err = w.Device(w.ctx, b.cli, b.p.Device.ID); err != nil || d.Owed != 1 {
			t.Errorf("its user sees %d owed (%v): what is held shows to administrators only", d.Owed, err)
		}
		if _, err = w.Device(w.ctx, b.cli, a.p.Device.ID); groupcast.ErrorCode(err) != groupcast.EForbidden {
			t.Errorf("somebody else's device: %v", err)
		}
		if _, err := w.DeviceDeliveries(w.ctx, b.cli, a.p.Device.ID, groupcast.Window{}); groupcast.ErrorCode(err) != groupcast.EForbidden {
			t.Errorf("somebody else's deliveries: %v", err)
		}

		o := a.offered()
		_, err = a.ready(o)
		w.must(err)
		w.must(a.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		all, err := w.DeviceDeliveries(w.ctx, local, a.p.Device.ID, groupcast.Window{Limit: 10})
		w.must(err)
		if all.Total != 2 || all.Rows[0].Transfer != held.No || all.Rows[1].State != groupcast.DeliveryVerified ||
			!all.Rows[1].Standing.Delivered || all.Rows[1].Size != 6 {
			t.Errorf("of all: %+v", all)
		}
		own, err := w.DeviceDeliveries(w.ctx, a.cli, a.p.Device.ID, groupcast.Window{Limit: 10})
		w.must(err)
		if own.Total != 1 || len(own.Rows) != 1 || own.Rows[0].Transfer == held.No {
			t.Errorf("its user sees what is held: %+v", own)
		}
	})
}

func TestSentFilesAreFoundWhateverBecameOfTheContent(t *testing.T) {
	withContent(t, nil, func(w *world, _ string) {
		a := w.enrol("ann", "g").attach()
		up := w.uploaded()
		tr, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Upload: up, Now: true})
		w.must(err)
		find := func(name string) groupcast.SentFiles {
			t.Helper()
			got, err := w.SentFiles(w.ctx, local, groupcast.SentFileQuery{Name: name, Before: tr.No + 1})
			w.must(err)
			return got
		}
		if got := find("F"); len(got.Rows) != 1 || got.Before != 0 || got.Rows[0].Path != "f" ||
			got.Rows[0].Transfer != tr.No || got.Rows[0].Size != 6 || got.Rows[0].Group != "g" || got.Rows[0].Devices != 1 {
			t.Errorf("while it is owed: %+v", got)
		}
		if got := find("g"); len(got.Rows) != 0 {
			t.Errorf("no file is called like that: %+v", got)
		}
		first := find("f").Rows[0].Digest

		o := a.offered()
		_, err = a.ready(o)
		w.must(err)
		w.must(a.receipt(o, groupcast.DeliveryVerified, groupcast.PathHTTPS))
		w.must(w.DeleteGroup(w.ctx, local, "g"))
		if got := find("f"); len(got.Rows) != 1 || got.Rows[0].Digest != first || got.Rows[0].Verified != 1 {
			t.Errorf("after its group is gone: %+v", got)
		}
		if got, err := w.SentFiles(w.ctx, local, groupcast.SentFileQuery{Name: "f", Before: tr.No}); err != nil || len(got.Rows) != 0 {
			t.Errorf("below its number: %+v, %v", got, err)
		}
		if _, err := w.SentFiles(w.ctx, a.cli, groupcast.SentFileQuery{Name: "f"}); groupcast.ErrorCode(err) != groupcast.EForbidden {
			t.Errorf("a member: %v", err)
		}
		if _, err := w.SentFiles(w.ctx, local, groupcast.SentFileQuery{}); groupcast.ErrorCode(err) != groupcast.EInvalid {
			t.Errorf("without a name: %v", err)
		}
	})
}
