package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

// tries lets through what it may and ends it.
func (l *limits) tries(now time.Time, from, name string, ok bool) error {
	t, err := l.begin(now, from, name)
	if err == nil {
		l.end(now, t, ok)
	}
	return err
}

// C5: 1 s, 2 s, 4 s … 5 min, for this account at this prefix only; success ends it.
func TestDelaysDouble(t *testing.T) {
	for _, name := range []string{"anna", "no such account"} {
		l, now := newLimits(), start
		for _, wait := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
			if err := l.tries(now, "10.0.0.1", name, false); err != nil {
				t.Fatalf("%s before %d s: %v", name, wait, err)
			}
			now = now.Add(wait*time.Second - time.Millisecond)
			err := l.tries(now, "10.0.0.1", name, true)
			if groupcast.ErrorCode(err) != groupcast.EExhausted {
				t.Fatalf("%s within %d s: %v", name, wait, err)
			}
			now = now.Add(time.Millisecond)
		}
		if err := l.tries(now.Add(-time.Second), "10.0.0.2", name, true); err != nil {
			t.Errorf("another address: %v", err)
		}
		if err := l.tries(now, "10.0.0.1", name, true); err != nil {
			t.Errorf("after the delay: %v", err)
		}
		if err := l.tries(now, "10.0.0.1", name, false); err != nil {
			t.Errorf("after a success: %v", err)
		}
		if err := l.tries(now.Add(time.Second), "10.0.0.1", name, false); err != nil {
			t.Errorf("the count did not begin anew: %v", err)
		}
	}
}

// C4: ten failures a minute from one address or /64, whatever the names.
func TestFailuresOfAPrefix(t *testing.T) {
	for _, c := range []struct{ first, same, other string }{
		{"10.0.0.1", "10.0.0.1:999", "10.0.0.2"},
		{"2001:db8::1", "[2001:db8::2]:443", "2001:db8:0:1::1"},
		{"::ffff:10.0.0.1", "10.0.0.1", "10.0.0.3"},
	} {
		t.Run(c.first, func(t *testing.T) {
			l := newLimits()
			for i := range failuresPerMinute {
				if err := l.tries(start, c.first, fmt.Sprint(i), false); err != nil {
					t.Fatalf("failure %d: %v", i, err)
				}
			}
			if err := l.tries(start, c.same, "fresh", false); groupcast.ErrorCode(err) != groupcast.EExhausted {
				t.Errorf("%s: %v", c.same, err)
			}
			if err := l.tries(start, c.other, "fresh", false); err != nil {
				t.Errorf("%s: %v", c.other, err)
			}
			if err := l.tries(start.Add(7*time.Second), c.same, "fresh", false); err != nil {
				t.Errorf("a sixth of a minute later: %v", err)
			}
		})
	}
}

// Many at once are no way around the limit for strangers; where somebody logged in before, a
// room full of machines may log in together.
func TestTriesAtOnce(t *testing.T) {
	l, begun := newLimits(), []try{}
	for i := range failuresPerMinute {
		tr, err := l.begin(start, "10.0.0.1", fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		begun = append(begun, tr)
	}
	if _, err := l.begin(start, "10.0.0.1", "more"); err == nil {
		t.Error("an eleventh at once")
	}
	for _, tr := range begun {
		l.end(start, tr, true)
	}
	for i := range triesAtOnce {
		if _, err := l.begin(start, "10.0.0.1", fmt.Sprint(i)); err != nil {
			t.Errorf("%d at once from a known address: %v", i, err)
		}
	}
}

// C4: a flood from many addresses does not take the place of those that work here.
func TestStrangersHaveALaneOfTheirOwn(t *testing.T) {
	l := newLimits()
	if err := l.tries(start, "10.0.0.1", "anna", true); err != nil {
		t.Fatal(err)
	}
	now, through := start, 0
	for i := range 2000 {
		if l.tries(now, fmt.Sprintf("172.16.%d.%d", i/250, i%250), "x", false) == nil {
			through++
		}
		now = now.Add(time.Millisecond)
	}
	if want := triesAtOnce + 2*triesPerSecond; through < want-2 || through > want+2 {
		t.Errorf("%d tries in 2 s, want about %d", through, want)
	}
	if err := l.tries(now, "10.0.0.1", "anna", true); err != nil {
		t.Errorf("somebody known during a flood: %v", err)
	}
}

func TestTablesAreBounded(t *testing.T) {
	l := newLimits()
	now := start
	for i := range tableSize + 500 {
		now = now.Add(time.Second)
		if err := l.tries(now, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), "x", false); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.accounts.entries) != tableSize || l.accounts.order.Len() != tableSize || len(l.places.entries) != tableSize {
		t.Errorf("%d accounts, %d places", len(l.accounts.entries), len(l.places.entries))
	}
	if _, ok := l.places.get("10.0.0.0"); ok {
		t.Error("the oldest is still there")
	}
	if len(prefixOf(strings.Repeat("x", 5000))) > 64 {
		t.Error("a prefix of any length")
	}
}

// A check that was never made, because the line was full or the client went, costs nobody.
func TestAbandonedTriesAreNotFailures(t *testing.T) {
	p := NewPasswords(func() time.Time { return start })
	for range cap(p.turns) {
		p.turns <- struct{}{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range triesAtOnce {
		if _, err := p.Verify(ctx, "10.0.0.1", "anna", "password", cheap("password")); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	<-p.turns
	later := start.Add(time.Second)
	p.now = func() time.Time { return later }
	if ok, err := p.Verify(context.Background(), "10.0.0.1", "anna", "password", cheap("password")); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

// The same way for names that exist and names that do not.
func TestUnknownNamesTakeTheSameWay(t *testing.T) {
	answers := map[string][]string{}
	for name, hash := range map[string]string{"anna": cheap("right password"), "nobody": ""} {
		now := start
		p := NewPasswords(func() time.Time { return now })
		for range 6 {
			ok, err := p.Verify(context.Background(), "10.0.0.1", name, "wrong password", hash)
			answers[name] = append(answers[name], fmt.Sprint(ok, err))
			now = now.Add(3 * time.Second)
		}
	}
	if a, b := fmt.Sprint(answers["anna"]), fmt.Sprint(answers["nobody"]); a != b || !strings.Contains(a, "try again") {
		t.Errorf("\n%s\n%s", a, b)
	}
}
