// Package selection resolves for whom of a group a transfer is: names of devices become their IDs.
package selection

import (
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/store"
)

// Resolved is a selection as the store takes it.
type Resolved struct {
	groupcast.Selection // as it is shown: devices are USER/DEVICE
	only, except        []store.Term
}

// Of narrows a transfer.
func (r Resolved) Of(t store.Transfer) store.Transfer {
	t.Selection, t.Only, t.Except = r.Selection, r.only, r.except
	return t
}

// NamesDevices says whether a selection has terms that are no labels.
func NamesDevices(asked groupcast.Selection) bool {
	named := func(term string) bool { _, _, label := groupcast.SplitLabel(term); return !label }
	return slices.ContainsFunc(asked.Only, named) || slices.ContainsFunc(asked.Except, named)
}

// Resolve reads the selection of a new transfer; devices are those of the group's members.
func Resolve(g groupcast.Group, devices []groupcast.Device, asked groupcast.Selection) (out Resolved, err error) {
	if n := len(asked.Only) + len(asked.Except); n > groupcast.MaxTerms {
		return out, groupcast.Errorf(groupcast.EInvalid, "a selection can have %d terms, not %d", groupcast.MaxTerms, n).
			WithHint("give the machines a label, and select that")
	}
	if out.Only, out.only, err = resolveAll(g, devices, asked.Only); err != nil {
		return out, err
	}
	out.Except, out.except, err = resolveAll(g, devices, asked.Except)
	return out, err
}

func resolveAll(
	g groupcast.Group, devices []groupcast.Device, asked []string,
) (shown []string, terms []store.Term, err error) {
	for _, text := range asked {
		term, text, err := resolveOne(g, devices, text)
		if err != nil {
			return nil, nil, err
		}
		if !slices.Contains(shown, text) {
			shown, terms = append(shown, text), append(terms, term)
		}
	}
	return shown, terms, nil
}

func resolveOne(g groupcast.Group, devices []groupcast.Device, text string) (store.Term, string, error) {
	if key, value, ok := groupcast.SplitLabel(text); ok {
		return store.Term{Key: key, Value: value}, text, groupcast.CheckLabel(key, value)
	}
	var found []groupcast.Device
	for _, d := range devices {
		if who := d.User + "/" + d.Name; who == text || d.Name == text || d.ID.String() == text {
			found = append(found, d)
		}
	}
	switch len(found) {
	case 1:
		return store.Term{Device: found[0].ID}, found[0].User + "/" + found[0].Name, nil
	case 0:
		return store.Term{}, "", groupcast.Errorf(groupcast.ENotFound, "no member of the group %s has a device %q", g.Name,
			text).WithHint("name it as USER/DEVICE, or give a label as KEY=VALUE")
	}
	var users []string
	for _, d := range found {
		users = append(users, d.User+"/"+d.Name)
	}
	return store.Term{}, "", groupcast.Errorf(groupcast.EInvalid, "%d devices of the group %s are called %q", len(found),
		g.Name, text).WithHint("write %s", strings.Join(users[:2], " or "))
}
