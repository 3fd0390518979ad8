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

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// cheap is a hash that costs nothing to check, for tests of everything but the cost.
func cheap(password groupcast.Password) string {
	a := argon{memory: 8, passes: 1, lanes: 1, salt: []byte("saltsalt")}
	a.key = a.compute(password, 16)
	return a.String()
}

func TestPasswords(t *testing.T) {
	p := NewPasswords(func() time.Time { return start })
	ctx := context.Background()
	hash, err := p.Hash(ctx, "correct horse")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%q, %v", hash, err)
	}
	if again, _ := p.Hash(ctx, "correct horse"); again == hash {
		t.Error("two hashes share a salt")
	}
	for _, c := range []struct {
		password groupcast.Password
		hash     string
		ok       bool
	}{
		{"correct horse", hash, true}, {"correct horsf", hash, false}, {"", hash, false}, {"correct horse", "", false},
	} {
		t.Run(fmt.Sprint(c.password, " ", c.hash, " ", c.ok), func(t *testing.T) {
			if ok, err := p.Verify(ctx, string(c.password)+"x", "anna", c.password, c.hash); ok != c.ok || err != nil {
				t.Errorf("%d bytes: %v, %v", len(c.password), ok, err)
			}
		})
	}
}

func TestLongPasswordsCostNothing(t *testing.T) {
	p := NewPasswords(func() time.Time { return start })
	p.turns = nil // whoever waited for a turn would block for ever
	long := groupcast.Password(strings.Repeat("x", MaxPasswordBytes+1))
	if _, err := p.Verify(context.Background(), "a", "b", long, ""); groupcast.ErrorCode(err) != groupcast.EInvalid {
		t.Errorf("verify: %v", err)
	}
	if _, err := p.Hash(context.Background(), long); groupcast.ErrorCode(err) != groupcast.EInvalid {
		t.Errorf("hash: %v", err)
	}
	for password, ok := range map[groupcast.Password]bool{
		"1234567": false, "12345678": true, "ääääääää": true, "äääää": false, long: false,
	} {
		t.Run(string(password), func(t *testing.T) {
			if err := CheckNew(password); (err == nil) != ok {
				t.Errorf("%d bytes: %v", len(password), err)
			}
		})
	}
}

// C4: more than the turns and the line are told to come back; who gives up leaves the line.
func TestTheLineIsBounded(t *testing.T) {
	p := NewPasswords(func() time.Time { return start })
	ends := []func(){}
	for range cap(p.turns) {
		end, err := p.turn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	ctx, cancel := context.WithCancel(context.Background())
	left := make(chan error, waitingLine)
	for range waitingLine {
		go func() { _, err := p.turn(ctx); left <- err }()
	}
	for p.inLine.Load() < int32(waitingLine+cap(p.turns)) {
		time.Sleep(time.Millisecond)
	}
	if _, err := p.Hash(ctx, "password"); groupcast.ErrorCode(err) != groupcast.EBusy {
		t.Errorf("one more than the line: %v", err)
	}
	cancel()
	for range waitingLine {
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	for _, end := range ends {
		end()
	}
	if n := p.inLine.Load(); n != 0 {
		t.Errorf("%d left in the line", n)
	}
}

func TestDamagedHashesAreErrors(t *testing.T) {
	good := cheap("password")
	if ok, err := matches("password", good); !ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	for _, bad := range []string{
		"x", "$argon2id$", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=8", "m=999999999", 1), strings.Replace(good, "t=1", "t=0", 1),
		strings.Replace(good, "t=1", "t=99", 1),
		strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, "m=8,", "m=08,", 1), good + "$", good[:len(good)-8],
	} {
		t.Run(bad, func(t *testing.T) {
			if ok, err := matches("password", bad); ok || groupcast.ErrorCode(err) != groupcast.EInternal || err == nil {
				t.Errorf("%q: %v, %v", bad, ok, err)
			}
		})
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add(cheap("password"))
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA")
	f.Fuzz(func(t *testing.T, hash string) {
		a, err := parseHash(hash)
		if err == nil && (a.String() != hash || a.memory > maxMemoryKiB || a.passes > maxPasses) {
			t.Errorf("%q was taken", hash)
		}
	})
}
