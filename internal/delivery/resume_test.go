package delivery

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// After a start everything that was open goes on: what is held stays held, what was over stays over,
// and offers have higher numbers.
func TestWhatAStartFinds(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, offers := running(w, "ann", "bob")
		held := w.send("g", func(tr *store.Transfer) { tr.Hold = true })
		over := w.send("g", nil)
		_, err := w.Cancel(w.ctx, over.No, by)
		w.must(err)
		w.must(agents[0].receipt(offers[0], groupcast.DeliveryVerified, groupcast.PathMulticast))
		w.reboot()
		for _, a := range agents {
			a.attach()
		}
		time.Sleep(time.Minute)
		if o := agents[1].offered(); o.Transfer != tr.No || o.Number <= offers[1].Number {
			t.Errorf("bob is offered %+v", o)
		}
		if got := agents[0].offers(); len(got) > 0 {
			t.Errorf("ann, who has it, is offered %+v", got)
		}
		if got := w.shown(held.No); got.State != groupcast.TransferHeld {
			t.Errorf("what was held is %s", got.State)
		}
		if got := w.shown(over.No); got.State != groupcast.TransferCancelled {
			t.Errorf("what was cancelled is %s", got.State)
		}
		if !strings.Contains(w.logged.String(), "open transfers were found") {
			t.Error("the log says nothing of it")
		}
	})
}

// Content that this version cannot serve ends its transfer at the start, with the reason.
func TestAStartWithContentOfAnotherVersion(t *testing.T) {
	withContent(t, map[string]string{"a": "hello"}, func(w *world, dir string) {
		ann := w.enrol("ann", "g")
		tr := w.sendFiles(nil, filepath.Join(dir, "a"))
		w.bootWith(func(c *Config) { c.Content = otherDigests{c.Content} })
		if got := w.shown(tr.No); got.State != groupcast.TransferFailed || got.Owed != 0 {
			t.Errorf("%s, owed to %d: %q", got.State, got.Owed, got.Reason)
		}
		if offers := ann.attach().offers(); len(offers) > 0 {
			t.Errorf("offered %+v", offers)
		}
		_, err := w.Retry(w.ctx, tr.No)
		if !errors.Is(err, content.ErrOtherDigests) {
			t.Errorf("a retry: %v", err)
		}
	})
}

// otherDigests is a library whose content was made by another version.
type otherDigests struct{ Library }

func (l otherDigests) Kept(string) (content.Kept, error) {
	return content.Kept{}, groupcast.Errorf(groupcast.EConflict, "made by another version").Wrap(content.ErrOtherDigests)
}

// What is over and fully delivered gives its room back at once; content of no transfer goes with the
// next sweep, and what is just being made stays.
func TestWhatContentIsKept(t *testing.T) {
	withContent(t, map[string]string{"a": "hello", "b": "world"}, func(w *world, dir string) {
		ann := w.enrol("ann", "g").attach()
		w.sendFiles(nil, filepath.Join(dir, "a"))
		names := func() int {
			all, err := os.ReadDir(filepath.Join(w.dir, "content"))
			w.must(err)
			return len(all)
		}
		if names() != 1 {
			t.Fatalf("%d are kept while it is sent", names())
		}
		w.must(ann.receipt(ann.offered(), groupcast.DeliveryVerified, groupcast.PathHTTPS))
		if names() != 0 {
			t.Errorf("%d are kept of what everybody has", names())
		}
		tree, err := content.Scan(w.ctx, []string{filepath.Join(dir, "b")}, content.ScanOptions{})
		w.must(err)
		b, err := w.lib.Build(w.ctx, tree, content.FromPath)
		w.must(err)
		w.Sweep(w.ctx)
		if names() != 1 {
			t.Error("what is just being made was swept")
		}
		w.lib.Made(b.Content)
		w.Sweep(w.ctx)
		if names() != 0 {
			t.Error("content of no transfer stays")
		}
		if _, err := os.Stat(filepath.Join(dir, "b")); err != nil {
			t.Errorf("a file that was read in place: %v", err)
		}
	})
}

// What comes over HTTPS instead of the feedback port is handed to the session as it is.
func TestFeedbackOverHTTPS(t *testing.T) {
	inBubble(t, func(w *world) {
		tr, agents, _ := running(w, "ann", "bob")
		ann := agents[0]
		body := groupcast.AgentReport{Transfer: tr.No, Path: groupcast.PathMulticast, Feedback: []byte("body")}
		w.must(ann.report(body))
		if got := string(w.sender().Told(ann.id)); got != "body" {
			t.Errorf("the session was told %q", got)
		}
		for name, test := range map[string]struct {
			err  error
			code groupcast.Code
		}{
			"too often":  {groupcast.Errorf(groupcast.EExhausted, "too often"), groupcast.EExhausted},
			"unreadable": {errors.New("short"), groupcast.EInvalid},
		} {
			w.sender().Refuse(test.err)
			if err := ann.report(body); groupcast.ErrorCode(err) != test.code {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.sender().Refuse(nil)
		stranger := w.enrol("eve", "g")
		wantCode(t, stranger.report(body), groupcast.ENotFound) // it was offered nothing yet
		w.sender().End(nil)
		w.settle()
		wantCode(t, ann.report(body), groupcast.EConflict)
		body.Transfer = protocol.TransferNo(99)
		wantCode(t, ann.report(body), groupcast.ENotFound)
	})
}
