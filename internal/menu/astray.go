package menu

import (
	"context"
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ui"
)

// How much is shown of what did not arrive as it was sent.
const (
	mostAstray        = 20 // devices
	mostAstrayEntries = 50 // entries of each
)

// astray lists what of a transfer does not lie under its name, device by device.
func (m *Menu) astray(ctx context.Context, a Answers) (Page, error) {
	s, err := m.snapshot(ctx, a)
	if err != nil {
		return Page{}, err
	}
	var p Page
	shown := 0
	for _, d := range WorstFirst(s.Deliveries) {
		if !d.Astray() {
			continue
		}
		if shown++; shown > mostAstray {
			continue
		}
		part, err := m.Admin.DeliveryEntries(ctx, s.Transfer.No, d.DeviceID, groupcast.Window{Limit: mostAstrayEntries})
		if err != nil {
			return p, err
		}
		p.Lines = append(p.Lines, fmt.Sprintf("%s: %s", ui.Name(ReceiverName(d)), ui.Astray(d)))
		for _, e := range part.Entries {
			for i, cell := range ui.EntryRow(e) {
				if cell != "" && i != 1 { // the kind says little here
					p.Lines = append(p.Lines, map[bool]string{true: "   ", false: "      "}[i == 0]+ui.Name(cell))
				}
			}
		}
		if more := part.Total - len(part.Entries); more > 0 {
			p.Lines = append(p.Lines, fmt.Sprintf("   and %d more", more))
		}
	}
	switch {
	case shown == 0:
		return say("Every file that arrived lies under its name."), nil
	case shown > mostAstray:
		p.Lines = append(p.Lines, fmt.Sprintf("… and %d more devices", shown-mostAstray))
	}
	return p, nil
}
