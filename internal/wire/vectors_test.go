package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

var update = flag.Bool("update", false, "write the vectors anew")

// vector is a message as its fields and as its bytes, for other implementations.
type vector struct {
	Message string `json:"message"`
	Section string `json:"section"` // of docs/protocol.md
	Fields  any    `json:"fields"`
	Bytes   string `json:"bytes"`
}

func vectors() []vector {
	header := Header{Kind: KindData, Tag: 0x01020304, Number: 0x0A0B0C0D0E0F}
	data := Data{Block: 0x01020304, Length: 1000, Index: 200, Symbol: bytes.Repeat([]byte{0xAB}, 512)}
	id := FeedbackHeader{ID: protocol.FeedbackID{1, 2, 3, 4, 5, 6, 7, 8}, Counter: 0x0A0B0C0D0E0F}
	announce := Announce{Server: ServerPrefix{1, 2}, Group: protocol.GroupID{3}, Number: 4}
	probe := Probe{Server: ServerPrefix{1, 2}, Group: protocol.GroupID{3}, Nonce: [16]byte{15: 4}}
	return []vector{
		{"offer", "3", someOffer(), hex.EncodeToString(AppendOffer(nil, someOffer()))},
		{"group packet header", "5", header, hex.EncodeToString(AppendHeader(nil, header))},
		{"data body", "5", data, hex.EncodeToString(AppendData(nil, data))},
		{"SYNC body", "5", someSync(), hex.EncodeToString(AppendSyncBody(nil, someSync()))},
		{"announcement, unsigned", "5", announce, hex.EncodeToString(AppendAnnounce(nil, announce))},
		{"probe, unsigned", "5", probe, hex.EncodeToString(AppendProbe(nil, probe))},
		{"feedback header", "6", id, hex.EncodeToString(AppendFeedbackHeader(nil, id))},
		{"feedback body", "6", someFeedback(), hex.EncodeToString(AppendFeedback(nil, someFeedback()))},
	}
}

// The bytes of the messages are a promise to other versions: they change with the version.
func TestVectors(t *testing.T) {
	path := filepath.Join("testdata", "vectors", "messages.json")
	got, err := json.MarshalIndent(vectors(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("messages differ from %s", path)
	}
}
