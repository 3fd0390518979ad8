package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
)

// A receipt is forgotten only when the server has it or will never want it. What speaks against all
// receipts ends a round, what speaks against one does not.
func TestWhatAnAnswerToAReceiptMeans(t *testing.T) {
	code := func(c groupcast.Code) error { return groupcast.Errorf(c, "no") }
	for name, c := range map[string]struct {
		err  error
		want loop.Fate
	}{
		"taken": {nil, loop.Over}, "closed": {code(groupcast.EClosed), loop.Over},
		"away": {code(groupcast.EUnavailable), loop.Unheard}, "too often": {code(groupcast.EExhausted), loop.Unheard},
		"broken": {code(groupcast.EInternal), loop.Unheard}, "logged out": {code(groupcast.EUnauthorized), loop.Unheard},
		"barred": {code(groupcast.EForbidden), loop.Unheard}, "unknown": {code(groupcast.ENotFound), loop.Refused},
		"wrong": {code(groupcast.EInvalid), loop.Refused}, "conflict": {code(groupcast.EConflict), loop.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fateOf(c.err); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// What ends because there is something newer to know is no failure.
func TestWhatIsOvertaken(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"stopped": {context.Canceled, true}, "not owed": {groupcast.Errorf(groupcast.ENotFound, "no"), true},
		"over":          {groupcast.Errorf(groupcast.EConflict, "no"), true},
		"not confirmed": {groupcast.Errorf(groupcast.EUnconfirmed, "no"), true},
		"away":          {groupcast.Errorf(groupcast.EUnavailable, "no"), false}, "a riddle": {errors.New("x"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := overtaken(c.err); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// Reasons are cut to what the server takes, never within a letter.
func TestReasonsAreBrief(t *testing.T) {
	for _, text := range []string{"", "short", strings.Repeat("x", maxReason), strings.Repeat("é", maxReason)} {
		t.Run(fmt.Sprintf("%d bytes", len(text)), func(t *testing.T) {
			got := brief(text)
			if len(got) > maxReason || !utf8.ValidString(got) || len(text) <= maxReason && got != text {
				t.Errorf("%d bytes become %d", len(text), len(got))
			}
		})
	}
}
