package history

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

const maxProgress = 64 << 20 // bytes of a transfer's progress, decoded: 200 for each of 300,000 devices

// Progress is how far a device is with a transfer.
type Progress struct {
	Device protocol.DeviceID `json:"device"`
	At     time.Time         `json:"at"` // when it said so
	Blocks int               `json:"blocks"`
	Bytes  uint64            `json:"bytes"`
	Loss   float64           `json:"loss,omitempty"`
	Bar    []byte            `json:"bar,omitempty"`
	Path   groupcast.Path    `json:"path,omitempty"`
}

// EncodeProgress gives what is to be stored of a transfer's devices.
func EncodeProgress(devices []Progress) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(devices); err != nil {
		return nil, fmt.Errorf("encode progress: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("encode progress: %w", err)
	}
	return b.Bytes(), nil
}

// DecodeProgress reads what EncodeProgress gave.
func DecodeProgress(b []byte) (devices []Progress, err error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("decode progress: %w", err)
	}
	raw, err := io.ReadAll(io.LimitReader(z, maxProgress)) // to the end, where its checksum stands
	if err != nil {
		return nil, fmt.Errorf("decode progress: %w", err)
	}
	if err := json.Unmarshal(raw, &devices); err != nil {
		return nil, fmt.Errorf("decode progress: %w", err)
	}
	return devices, nil
}
