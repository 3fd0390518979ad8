package tui

import "time"

// seen is how long a question has to be on the screen, with nothing typed, before a key can be meant
// as its answer.
const seen = 80 * time.Millisecond

// typedAhead leaves out keys that were typed before the question that they would answer was there.
// It stands before every question of an entry that changes something.
type typedAhead struct {
	quiet time.Time // since when the question is there and nothing was typed
	over  bool      // a key was taken: what follows is meant, too
	left  bool      // something was left out
}

// begin is called when a question is shown; what was left out while it was loaded is still said.
func (t *typedAhead) begin(now time.Time) { t.quiet, t.over = now, false }

// takes says whether a key of now may be an answer.
func (t *typedAhead) takes(now time.Time) bool {
	if t.over || now.Sub(t.quiet) >= seen {
		t.over, t.left = true, false
		return true
	}
	t.quiet, t.left = now, true
	return false
}

// note is said below a question while keys were left out.
func (t *typedAhead) note() string {
	if !t.left {
		return ""
	}
	return "Keys that were typed before this was shown are ignored."
}

// guarded says whether what is asked now may be answered only by who has seen it.
func (m *model) guarded() bool {
	switch m.screen {
	case onForm:
		return m.entry.Plan != nil
	case onPlan:
		return true
	case onLive:
		return m.live.asking != nil
	default:
		return false
	}
}
