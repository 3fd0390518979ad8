package history

import (
	"reflect"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestProgressIsReadAsItWasWritten(t *testing.T) {
	want := []Progress{
		{
			Device: protocol.DeviceID{1}, At: time.UnixMicro(7).UTC(), Blocks: 3, Bytes: 700, Loss: 1.5, Bar: []byte{1, 2},
			Path: groupcast.PathMulticast,
		},
		{Device: protocol.DeviceID{2}, At: time.UnixMicro(8).UTC(), Path: groupcast.PathHTTPS},
	}
	b, err := EncodeProgress(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeProgress(b)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, damaged := range map[string][]byte{"nothing": nil, "cut off": b[:len(b)-9], "something else": []byte("x")} {
		if _, err := DecodeProgress(damaged); err == nil {
			t.Errorf("%s is read as progress", name)
		}
	}
}
