package cli

import (
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestTransferNo(t *testing.T) {
	if n, err := transferNo("17"); n != protocol.TransferNo(17) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, bad := range []string{"", "-1", "x", "0x10", "99999999999999999999"} {
		t.Run(bad, func(t *testing.T) {
			if _, err := transferNo(bad); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%q: %v", bad, err)
			}
		})
	}
}
