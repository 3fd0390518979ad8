package daemon

import (
	"testing"

	"github.com/groupcast/groupcast"
)

func TestListenAt(t *testing.T) {
	for in, want := range map[string]string{
		"0.0.0.0:7440": "0.0.0.0:7440", ":7440": "0.0.0.0:7440", "[::1]:0": "[::1]:0",
	} {
		t.Run(in, func(t *testing.T) {
			if got, err := listenAt(in); err != nil || got.String() != want {
				t.Errorf("%s: %s, %v", in, got, err)
			}
		})
	}
	for _, bad := range []string{"", "x", "host:7440", "1.2.3.4", "1.2.3.4:70000", "1.2.3.4:-1"} {
		t.Run(bad, func(t *testing.T) {
			if _, err := listenAt(bad); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%q: %v", bad, err)
			}
		})
	}
}
