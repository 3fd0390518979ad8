package sessiontest

import (
	"fmt"
	"testing"

	"github.com/groupcast/groupcast/internal/content/contenttest"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receiver"
)

// nowhere is a store that keeps nothing: the disk is not what is measured.
type nowhere struct{}

func (nowhere) WriteBlock(protocol.BlockNumber, []byte) error { return nil }
func (nowhere) Sync() error                                   { return nil }

// BenchmarkSession sends 128 MiB over loopback to 1 and 4 receivers in this process.
func BenchmarkSession(b *testing.B) {
	c := contenttest.New(b, 128<<20)
	for _, n := range []int{1, 4} {
		for _, loss := range []float64{0, 2} {
			b.Run(fmt.Sprintf("receivers=%d/loss=%g%%", n, loss), func(b *testing.B) {
				b.SetBytes(int64(len(c.Data)))
				var wire uint64
				for range b.N {
					wire += sendOnce(b, c, n, loss)
				}
				b.ReportMetric(float64(wire)/float64(b.N)/float64(len(c.Data)), "wire/file")
			})
		}
	}
}

func sendOnce(b *testing.B, c *contenttest.Content, n int, loss float64) uint64 {
	b.StopTimer()
	r := newRig(b, c, 0)
	var receivers []*receiver.Receiver
	for k := range n {
		var drop func(protocol.PacketNumber) bool
		if loss > 0 {
			drop = receiver.Loss(loss, uint64(k))
		}
		receivers = append(receivers, r.receiver(r.hearing(drop), contenttest.NewStore(c), func(cfg *receiver.Config) {
			cfg.OnManifest = func(*manifest.Layout, []byte) (receiver.BlockStore, *protocol.BlockSet, error) {
				return nowhere{}, nil, nil
			}
		}))
	}
	b.StartTimer()
	for _, err := range r.run(receivers...) {
		if err != nil {
			b.Fatal(err)
		}
	}
	st := r.sender.Status()
	b.Logf("%.0f Mbit/s by %s, loss %.2f %%", float64(st.Session.Rate)/1e6, st.Session.Limiter, st.Session.LossPercent)
	for k, rec := range receivers {
		s := rec.Status()
		b.Logf("%d: received %d lost %d drops %v", k, s.Received, s.Lost, s.Drops)
	}
	return st.Wire
}
