package menu

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/ui"
)

// labelsAsked is short: what is typed stands beside it.
const labelsAsked = "Labels (room=2 sets, room- removes)"

// readLabels reads what is to be changed: words that are neither KEY=VALUE nor KEY- belong to the value before.
func readLabels(text string) (c groupcast.LabelChange, err error) {
	c.Set = groupcast.Labels{}
	last := ""
	for _, word := range strings.Fields(text) {
		gone, removes := strings.CutSuffix(word, "-")
		key, value, sets := groupcast.SplitLabel(word)
		switch {
		case sets:
			c.Set[key], last = value, key
		case removes && groupcast.CheckLabelKey(gone) == nil:
			c.Remove, last = append(c.Remove, gone), ""
		case last != "":
			c.Set[last] += " " + word
		default:
			return c, groupcast.Errorf(groupcast.EInvalid, "%s is neither KEY=VALUE nor KEY-", ui.Name(word)).
				WithHint("room=2 sets a label, room- removes it; a key has small letters, digits, '.', '_' and '-'")
		}
	}
	c.Devices = make([]protocol.DeviceID, 1) // the machine that was answered
	return c, c.Check()
}

func checkLabels(text string) error {
	_, err := readLabels(text)
	return err
}

// labelsInWords says what is set and what is removed.
func labelsInWords(text string) string {
	c, err := readLabels(text)
	if err != nil {
		return ui.Name(text)
	}
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(c.Set)) {
		parts = append(parts, key+" is set to “"+ui.Name(c.Set[key])+"”")
	}
	for _, key := range c.Remove {
		parts = append(parts, key+" is removed")
	}
	return strings.Join(parts, ", ")
}

// labelMachine changes the labels of one of a user's machines.
func labelMachine(ctx context.Context, m *Menu, a Answers) (Page, error) {
	d, err := m.login(ctx, a)
	if err != nil {
		return Page{}, err
	}
	c, err := readLabels(a["labels"])
	if err != nil {
		return Page{}, err
	}
	c.Devices[0] = d.ID
	results, err := m.Admin.LabelDevices(ctx, c)
	if err != nil {
		return Page{}, err
	}
	now := "no label"
	for _, r := range results {
		if r.Code != "" {
			return Page{}, groupcast.Errorf(r.Code, "%s", ui.Refused(results))
		}
		if len(r.Labels) > 0 {
			now = ui.Name(r.Labels.String())
		}
	}
	return say(ui.Name(d.Name) + " of " + ui.Name(d.User) + " has now: " + now), nil
}
