package menu

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/pattern"
	"github.com/groupcast/groupcast/internal/ui"
)

// badShown is how many entries that cannot be sent a question names.
const badShown = 5

// checkPiece is how many entries are asked for at a time.
const checkPiece = 1000

// excludeField asks for patterns of what is left out on purpose.
func excludeField() Field {
	ask := "Leave out what matches, such as *.tmp (empty: nothing)"
	return Field{Key: "exclude", Ask: ask, Optional: true, Check: func(text string) error {
		_, err := pattern.Parse(pattern.Split(text))
		return err
	}}
}

// skipField asks whether what cannot be sent is left out. It is asked only if there is some.
func (m *Menu) skipField() Field {
	f := Field{Key: "skip", Ask: "Some of it cannot be sent. Leave that out and send the rest?", Closed: true}
	f.Prepare = func(ctx context.Context, a Answers) (Choices, error) {
		bad, err := m.badEntries(ctx, a)
		if err != nil || bad == nil {
			return Choices{Skip: true}, err
		}
		list := strings.Join(ui.LeftOutLines(bad.Entries, bad.Count, badShown), "; ")
		return Choices{Options: []Option{
			{Value: "no", Note: ui.Entries(bad.Count) + ": " + list}, {Value: "yes", Note: "send the rest without"},
		}}, nil
	}
	return f
}

// badEntries gives what of a path cannot be sent; nil for nothing.
func (m *Menu) badEntries(ctx context.Context, a Answers) (*groupcast.BadEntries, error) {
	path, err := filepath.Abs(expand(a["path"]))
	if err != nil {
		return nil, err
	}
	exclude := pattern.Split(a["exclude"])
	if !m.Admin.IsLocal() {
		var e *groupcast.Error
		if _, err := apiclient.Look(&apiclient.Selection{Paths: []string{path}, Exclude: exclude}); errors.As(err, &e) {
			return e.Bad, nil // what else is wrong is said when it is uploaded
		}
		return nil, nil
	}
	n := groupcast.NewTransfer{Group: a["group"], Paths: []string{path}, Exclude: exclude}
	bad := &groupcast.BadEntries{}
	for from, more := 0, true; more; {
		page, err := m.Admin.CheckTransfer(ctx, n, groupcast.Window{From: from, Limit: checkPiece})
		if err != nil {
			return nil, nil // said when it is added
		}
		for _, l := range page.Entries {
			if l.Why != groupcast.WhyExcluded {
				bad.Count++
				bad.Entries = append(bad.Entries, l)
			}
		}
		from += len(page.Entries)
		more = len(page.Entries) > 0 && from < page.Listed
	}
	if bad.Count == 0 {
		return nil, nil
	}
	return bad, nil
}

// leftOutLines count what was left out of a new transfer, and name what was not excluded on purpose.
func (m *Menu) leftOutLines(ctx context.Context, t groupcast.Transfer) []string {
	lines := []string{ui.Entries(t.LeftOut) + " left out."}
	page, err := m.Admin.LeftOut(ctx, t.No, groupcast.Window{Limit: checkPiece})
	if err != nil { // the transfer is made all the same
		return lines
	}
	bad := slices.DeleteFunc(page.Entries, func(l groupcast.LeftOut) bool { return l.Why == groupcast.WhyExcluded })
	for _, l := range ui.LeftOutLines(bad, len(bad), badShown) {
		lines = append(lines, "   "+l)
	}
	return lines
}
