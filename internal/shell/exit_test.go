package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/terminal"
)

func TestExitCodes(t *testing.T) {
	hinted := groupcast.Errorf(groupcast.EConflict, "it is\x1b so").WithHint("do that")
	for _, c := range []struct {
		err  error
		code int
		says string
	}{
		{nil, Done, ""},
		{ErrOwed, Owed, ""},
		{Misused(errors.New("which?")), Misuse, "groupcast: which?\n"},
		{fmt.Errorf("outer: %w", hinted), Failed, "groupcast: it is\\u{1b} so\n     next: do that\n"},
		{errors.New("plain"), Failed, "groupcast: plain\n"},
		{context.Canceled, Failed, "groupcast: interrupted\n"},
	} {
		t.Run(fmt.Sprint(c.code, " ", c.says), func(t *testing.T) {
			var errs bytes.Buffer
			if code := Exit(&terminal.Streams{Err: &errs}, c.err, false); code != c.code || errs.String() != c.says {
				t.Errorf("%v: %d, %q", c.err, code, errs.String())
			}
		})
	}
}
