package menu

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/words"
)

// badShown is how many entries that cannot be sent a question names.
const badShown = 5

// skipField asks whether what cannot be sent is left out. It is asked only if there is some.
func (d *Desk) skipField() Field {
	return Field{Key: "skip", Ask: "Some of it cannot be sent. Leave that out", Default: "no", Closed: true, Prepare: func(ctx context.Context, a Answers) (Choices, error) {
		bad, err := d.badEntries(ctx, a)
		if err != nil || bad == nil {
			return Choices{Skip: true}, err
		}
		list := strings.Join(words.LeftOutLines(bad.Entries, bad.Count, badShown), "; ")
		return Choices{Options: []Option{{Value: "no", Note: words.Entries(bad.Count) + ": " + list}, {Value: "yes", Note: "send the rest without"}}}, nil
	}}
}

// badEntries gives what of a path cannot be sent; nil for nothing.
func (d *Desk) badEntries(ctx context.Context, a Answers) (*groupcast.BadEntries, error) {
	path, err := filepath.Abs(expand(a["path"]))
	if err != nil {
		return nil, err
	}
	if !d.Admin.IsLocal() {
		var e *groupcast.Error
		if err := apiclient.Look(&apiclient.Selection{Paths: []string{path}}); errors.As(err, &e) {
			return e.Bad, nil // what else is wrong is said when it is uploaded
		}
		return nil, nil
	}
	page, err := d.Admin.CheckTransfer(ctx, groupcast.NewTransfer{Group: a["group"], Paths: []string{path}}, groupcast.Window{Limit: badShown})
	if err != nil || page.Total == 0 {
		return nil, nil // said when it is added
	}
	return &groupcast.BadEntries{Count: page.Total, Entries: page.Entries}, nil
}
