package telemetry

import (
	"bytes"
	"compress/gzip"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// FuzzDecode: what lies in a database that somebody restored is read within bounds or refused, can be
// drawn, added to and kept again.
func FuzzDecode(f *testing.F) {
	var dev protocol.DeviceID
	s := &Series{}
	s.Draw()
	for i := range 5 {
		at := time.Unix(int64(i), 0)
		s.Add(Sample{At: at})
		s.loss.add(at, map[protocol.DeviceID]float64{dev: 3})
	}
	whole, err := s.Encode()
	if err != nil {
		f.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(whole))
	if err != nil {
		f.Fatal(err)
	}
	var plain bytes.Buffer
	if _, err := plain.ReadFrom(z); err != nil {
		f.Fatal(err)
	}
	f.Add(plain.Bytes())
	f.Add([]byte("[]"))
	f.Add([]byte(`{"points":null,"loss":{"start":"2026-01-01T00:00:00Z","seconds":[1,2],"step":-1,"rows":{}}}`))
	f.Add([]byte(`{"points":[],"loss":{"start":"2026-01-01T00:00:00Z","seconds":[],"step":1,"rows":null}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write(text)
		_ = w.Close()
		s, err := Decode(packed.Bytes())
		if err != nil {
			return
		}
		if len(s.Points()) > groupcast.MaxPoints {
			t.Fatalf("%d points", len(s.Points()))
		}
		s.Add(Sample{At: s.Last().Add(time.Second)})
		s.Loss().Show(nil)
		if s.loss != nil {
			for i := range 3 {
				s.loss.add(s.loss.Start.Add(time.Duration(i)*time.Second), map[protocol.DeviceID]float64{{1}: 50})
			}
			s.loss.Show(nil)
		}
		if _, err := Decode(text); err == nil && len(text) < 18 {
			t.Fatal("bytes that are no gzip were taken")
		}
	})
}
