package sessiontest

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receiver"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/source"
	"github.com/groupcast/groupcast/internal/spool"
)

// keptPages keeps pages in memory. Each takes a while, as on a disk.
type keptPages struct {
	mu   sync.Mutex
	list [][]byte
}

func (k *keptPages) AddPage(_ context.Context, p source.Page) error {
	time.Sleep(5 * time.Millisecond)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = append(k.list, p.Raw)
	return nil
}

func (k *keptPages) Pages(
	_ context.Context, _ protocol.TransferNo, _ protocol.Edition, from protocol.PageNo, most int,
) ([][]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := k.list[min(int(from), len(k.list)):]
	return list[:min(most, len(list))], nil
}

// folder is what is sent.
type folder struct {
	dir   string
	files map[string][]byte
	terms format2.Offer
	src   *source.Source
}

func newFolder(t *testing.T, key seal.SigningKey, group netip.AddrPort, sizes map[string]int) *folder {
	t.Helper()
	f := &folder{dir: t.TempDir(), files: map[string][]byte{}}
	for name, n := range sizes {
		data := make([]byte, n)
		_, _ = rand.NewChaCha8([32]byte{byte(n), name[0]}).Read(data)
		if name[0] == 'z' {
			clear(data)
		}
		f.files[name] = data
		must(t, os.MkdirAll(filepath.Join(f.dir, "d"), 0o755))
		must(t, os.WriteFile(filepath.Join(f.dir, "d", name), data, 0o644))
	}
	lib, err := content.OpenLibrary(t.TempDir(), content.UploadLimits{}, func(uint64) error { return nil })
	must(t, err)
	n := groupcast.NewTransfer{Paths: []string{filepath.Join(f.dir, "d")}}
	tree, err := lib.Find(t.Context(), n, content.Allowed{Any: true})
	must(t, err)
	built, err := lib.List(t.Context(), tree, n)
	must(t, err)
	lib.Made(built.Content)
	files, err := lib.OpenPaged(built.Content)
	must(t, err)
	f.terms = format2.Offer{
		Server: protocol.ServerID(key.Public().Bytes()), Group: protocol.NewGroupID(), Number: 1, Floor: 1, Transfer: 1,
		TransferID: protocol.TransferID{1}, SiteEpoch: 1, Skeleton: built.Skeleton, SkeletonBytes: built.SkeletonBytes,
		Edition: 1, Pages: built.Pages, Bytes: built.Bytes, Blocks: uint32(built.Blocks), Entries: uint32(files.Entries()),
		GroupAddr: group,
	}
	f.src, err = source.Open(t.Context(), source.Config{
		Terms: f.terms.Terms(), Most: built.Pages, Key: key, Files: files, Pages: &keptPages{},
		Log: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	t.Cleanup(func() { must(t, f.src.Close()) })
	return f
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pagedDevice is a receiver with a spool of its own. What it fetches over HTTPS comes out of the source.
type pagedDevice struct {
	t       *testing.T
	f       *folder
	dir     string
	staging *spool.Paged
	offer   format2.Offer
	rec     *receiver.Receiver
	parts   chan receiver.Parts
	stream  int // blocks of the stream that it fetched
}

func newPagedDevice(t *testing.T, r *rig, f *folder, loss int) *pagedDevice {
	t.Helper()
	signed := r.sender.Offer()
	offer, err := seal.VerifyOffer2(r.key.Public(), signed.Bytes, signed.Signature)
	must(t, err)
	d := &pagedDevice{t: t, f: f, dir: t.TempDir(), offer: offer, parts: make(chan receiver.Parts, 1000)}
	s, err := spool.Open(spool.Config{Dir: d.dir, Group: "lab", Reserve: -1})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	list, err := f.src.Skeleton()
	must(t, err)
	d.staging, err = s.StagePaged(t.Context(), offer, list, r.key.Public())
	must(t, err)
	h, err := r.sender.Attach(protocol.NewDeviceID(), nil, true)
	must(t, err)
	h.FeedbackAddr = netip.AddrPortFrom(r.server, r.endpoint.FeedbackPort()).String()
	d.rec, err = receiver.NewPaged(receiver.PagedConfig{
		Endpoint: r.hearing(receiver.Loss(float64(loss), uint64(loss))), Verify: r.key.Public(),
		Offer: offer, OfferBytes: signed.Bytes, Handout: h, Content: d.staging,
		Clock: func(context.Context) (time.Duration, error) {
			return time.Duration(r.sender.Clock()) * time.Microsecond, nil
		},
		OnCatchUp: func(ranges []protocol.Range, _ string) { d.parts <- receiver.PartsOf(offer, ranges) },
	})
	must(t, err)
	return d
}

// fetch gives what is asked for over HTTPS until ctx ends.
func (d *pagedDevice) fetch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-d.parts:
			for _, r := range p.Pages {
				for n := r.First; n < r.End(); n++ {
					if raw, err := d.f.src.Page(protocol.PageNo(n)); err == nil {
						_ = d.rec.SupplyPage(raw)
					}
				}
			}
			for _, r := range p.Stream {
				d.stream += int(r.Count)
			}
		}
	}
}

// A folder that is hashed while it is sent: its pages leave as they are durable, and every receiver has every file.
func TestPagedFromDiskToDisk(t *testing.T) { fromDiskToDisk(t, 0) }

// The same with a MAC in each packet, which costs 8 bytes.
func TestPagedWithMACs(t *testing.T) {
	marked, plain := fromDiskToDisk(t, format2.OfferMACs), fromDiskToDisk(t, 0)
	t.Logf("%d bytes with MACs, %d without: %+.2f %%", marked, plain, 100*(float64(marked)/float64(plain)-1))
}

func fromDiskToDisk(t *testing.T, flags format2.OfferFlags) (wire uint64) {
	r := newBareRig(t)
	f := newFolder(t, r.key, r.group, map[string]int{
		"a": 20 << 20, "b": 300_000, "c": 0, "d": 17, "e": 1_100_000, "zeros": 3 << 20,
	})
	f.terms.Flags |= flags
	var err error
	r.sender, err = sender.NewPaged(sender.PagedConfig{
		Endpoint: r.endpoint, Key: r.key, Terms: f.terms, Source: f.src, Rate: testRate, OnEvent: r.event,
	})
	must(t, err)
	devices := []*pagedDevice{newPagedDevice(t, r, f, 0), newPagedDevice(t, r, f, 4)}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all, fetching sync.WaitGroup
	all.Go(func() {
		if err := f.src.Run(ctx); err != nil {
			t.Errorf("reading: %v", err)
		}
	})
	fetched, over := context.WithCancel(ctx)
	for _, d := range devices {
		fetching.Go(func() { d.fetch(fetched) })
		all.Go(func() {
			if err := d.rec.Run(ctx); err != nil {
				t.Errorf("a receiver: %v", err)
			}
		})
	}
	if err := r.sender.Run(ctx); err != nil {
		t.Errorf("the sender: %v", err)
	}
	all.Wait()
	over()
	fetching.Wait()
	for _, d := range devices {
		d.check()
	}
	if n := r.heard(sender.DeviceBehind); n > 0 {
		t.Errorf("%d were left behind", n)
	}
	st := r.sender.Status()
	if most := 1.25 * 21.4 * (1 << 20) * 1.06; float64(st.Wire) > most {
		t.Errorf("%d bytes went out, at most %.0f were expected", st.Wire, most)
	}
	for i, d := range devices {
		if c := d.rec.Status().Drops; c["forged"] > 0 || c["held"] > 0 {
			t.Errorf("device %d dropped %v", i, c)
		}
		t.Logf("device %d: %+v", i, d.rec.Status())
	}
	return st.Wire
}

// check commits what came and compares it with what was sent.
func (d *pagedDevice) check() {
	d.t.Helper()
	if err := d.staging.Commit(d.t.Context()); err != nil {
		d.t.Error(err)
	}
	if !d.staging.Done() || d.stream > 0 {
		d.t.Errorf("%d blocks are missing, %d were fetched over HTTPS", d.staging.Missing(), d.stream)
	}
	for name, data := range d.f.files {
		var got []byte
		err := filepath.WalkDir(d.dir, func(path string, _ os.DirEntry, err error) error {
			if err == nil && filepath.Base(path) == name {
				if b, err := os.ReadFile(path); err == nil {
					got = b
				}
			}
			return err
		})
		if err != nil || !bytes.Equal(got, data) {
			d.t.Errorf("file %s: %d bytes of %d are right, %v", name, len(got), len(data), err)
		}
	}
	must(d.t, d.staging.Close())
}
