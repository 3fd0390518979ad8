package relayproto

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func sample() Code {
	return Code{
		Server: protocol.ServerID{1, 2, 3}, Secret: [16]byte{9, 8, 7},
		Addresses: []string{"https://10.0.0.1:7440", "server.example:7440"},
	}
}

func TestACodeIsReadAsItWasWritten(t *testing.T) {
	for _, c := range []Code{{}, sample(), {Addresses: []string{strings.Repeat("a", maxAddress)}}} {
		got, err := ParseCode(" " + c.String() + "\n")
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%v: %v, read as %v", c, err, got)
		}
	}
	many := Code{Addresses: []string{"", strings.Repeat("x", maxAddress+1)}}
	for i := range 20 {
		many.Addresses = append(many.Addresses, fmt.Sprint("host", i))
	}
	got, err := ParseCode(many.String())
	if err != nil || len(got.Addresses) != maxAddresses || got.Addresses[0] != "host0" {
		t.Errorf("of too many addresses: %v, %v", got.Addresses, err)
	}
}

// Whoever mistypes a character learns it at once: no code with another one is taken.
func TestADamagedCodeIsRefused(t *testing.T) {
	text := sample().String()
	for i := range text {
		other := byte('A')
		if text[i] == other {
			other = 'B'
		}
		for _, bad := range []string{text[:i], text[:i] + string(other) + text[i+1:]} {
			if _, err := ParseCode(bad); groupcast.ErrorCode(err) != groupcast.EInvalid {
				t.Errorf("%q was read: %v", bad, err)
			}
		}
	}
	if _, err := ParseCode(text + strings.Repeat("A", maxCode)); err == nil {
		t.Error("a code without end was read")
	}
}

func TestACodePrintsNoSecret(t *testing.T) {
	if s := fmt.Sprintf("%#v", sample()); strings.Contains(s, "9, 8") || strings.Contains(s, sample().Token()) {
		t.Error(s)
	}
}

func FuzzParseCode(f *testing.F) {
	f.Add(sample().String())
	f.Add(Code{}.String())
	f.Add("gcr1.")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCode(text)
		if err == nil && c.String() != strings.TrimSpace(text) {
			t.Errorf("%q is %q when it is written again", text, c.String())
		}
	})
}

func order() groupcast.RelayOrder {
	return groupcast.RelayOrder{
		Transfer: 1, Edition: 1, SkeletonBytes: 100, Pages: 1, Blocks: 1, Bytes: 10,
		CacheKey: make([]byte, CacheKeyBytes),
	}
}

func TestOrdersAreBounded(t *testing.T) {
	if err := CheckOrders(groupcast.RelayOrders{Transfers: []groupcast.RelayOrder{order()}}); err != nil {
		t.Fatal(err)
	}
	for name, bend := range map[string]func(*groupcast.RelayOrder){
		"key":      func(o *groupcast.RelayOrder) { o.CacheKey = o.CacheKey[1:] },
		"edition":  func(o *groupcast.RelayOrder) { o.Edition = 0 },
		"skeleton": func(o *groupcast.RelayOrder) { o.SkeletonBytes = 1 << 30 },
		"none":     func(o *groupcast.RelayOrder) { o.SkeletonBytes = 0 },
		"pages":    func(o *groupcast.RelayOrder) { o.Pages = mostPages + 1 },
		"no pages": func(o *groupcast.RelayOrder) { o.Pages = 0 },
		"blocks":   func(o *groupcast.RelayOrder) { o.Blocks = protocol.MaxBlocks + 1 },
		"bytes":    func(o *groupcast.RelayOrder) { o.Bytes = protocol.BlockSize + 1 },
	} {
		o := order()
		bend(&o)
		if CheckOrders(groupcast.RelayOrders{Transfers: []groupcast.RelayOrder{o}}) == nil {
			t.Errorf("orders with another %s were taken", name)
		}
	}
	twice := groupcast.RelayOrders{Transfers: []groupcast.RelayOrder{order(), order()}}
	if CheckOrders(twice) == nil {
		t.Error("a transfer was ordered twice")
	}
	if CheckOrders(groupcast.RelayOrders{Transfers: make([]groupcast.RelayOrder, groupcast.MostRelayOrders+1)}) == nil {
		t.Error("orders without end were taken")
	}
}

func TestReportsAreBounded(t *testing.T) {
	good := groupcast.RelayHolding{Transfer: 1, Bytes: 10, Held: 10, Whole: true}
	if err := CheckReport(groupcast.RelayReport{Transfers: []groupcast.RelayHolding{good}}); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]groupcast.RelayReport{
		"more than all": {Transfers: []groupcast.RelayHolding{{Bytes: 1, Held: 2}}},
		"twice":         {Transfers: []groupcast.RelayHolding{good, good}},
		"two words":     {Transfers: []groupcast.RelayHolding{{Whole: true, Problem: "x"}}},
		"long":          {Transfers: []groupcast.RelayHolding{{Problem: strings.Repeat("x", 501)}}},
		"version":       {Version: strings.Repeat("x", maxText+1)},
		"many":          {Transfers: make([]groupcast.RelayHolding, groupcast.MostRelayOrders+1)},
	} {
		if CheckReport(r) == nil {
			t.Errorf("a report was taken: %s", name)
		}
	}
	if CheckEnrolment(groupcast.RelayEnrolment{Code: "x", PublicKey: make([]byte, 31)}) == nil ||
		CheckEnrolment(groupcast.RelayEnrolment{PublicKey: make([]byte, 32)}) == nil {
		t.Error("an enrolment was taken")
	}
}
