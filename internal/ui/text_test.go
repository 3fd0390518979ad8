package ui

import (
	"testing"

	"github.com/groupcast/groupcast"
)

func TestContents(t *testing.T) {
	for want, tr := range map[string]groupcast.Transfer{
		"1 file": {Files: 1}, "3 files in 1 folder": {Files: 3, Folders: 1}, "2 folders": {Folders: 2}, "0 files": {},
	} {
		t.Run(want, func(t *testing.T) {
			if got := Contents(tr); got != want {
				t.Errorf("%+v: %q, want %q", tr, got, want)
			}
		})
	}
}
