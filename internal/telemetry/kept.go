package telemetry

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

const maxEncoded = 4 << 20 // bytes of a series, decoded

// kept is what is stored of a transfer. Older servers kept the points alone.
type kept struct {
	Points []groupcast.Point `json:"points"`
	Loss   *LossMap          `json:"loss,omitempty"`
}

// Encode gives what is to be stored of a series.
func (s *Series) Encode() ([]byte, error) { return zipJSON(kept{s.Points(), s.loss}) }

func zipJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(v); err != nil {
		return nil, fmt.Errorf("encode a series: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("encode a series: %w", err)
	}
	return b.Bytes(), nil
}

// Decode reads what Encode gave, also by an older server. What cannot be added to is left out.
func Decode(b []byte) (*Series, error) {
	k, err := unzip(b)
	if err != nil {
		return nil, fmt.Errorf("decode a series: %w", err)
	}
	out := &Series{step: 1, points: k.Points}
	for len(out.points) >= groupcast.MaxPoints {
		out.coarsen()
	}
	if k.Loss != nil && k.Loss.sound() {
		out.loss = k.Loss
		out.loss.All = map[protocol.DeviceID]lossTotal{}
		for dev, r := range out.loss.Rows {
			out.loss.All[dev] = r.Total
		}
	}
	return out, nil
}

func unzip(b []byte) (k kept, err error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return k, err
	}
	raw, err := io.ReadAll(io.LimitReader(z, maxEncoded))
	if err != nil {
		return k, err
	}
	if bytes.HasPrefix(raw, []byte("[")) {
		return k, json.Unmarshal(raw, &k.Points)
	}
	return k, json.Unmarshal(raw, &k)
}
