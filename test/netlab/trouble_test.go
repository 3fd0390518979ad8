package netlab

import (
	"strings"
	"testing"
)

func TestLossRules(t *testing.T) {
	rules := Config{
		Receivers: 2, Loss: 5, LossAt: map[int]float64{2: 30}, Burst: [2]int{30, 1000}, LoseTCP: true,
	}.lossRules()
	for _, want := range []string{
		`oifname "p1" meta l4proto { tcp, udp } numgen random mod 100000 < 5000 counter drop`,
		`oifname "p2" meta l4proto { tcp, udp } numgen random mod 100000 < 30000 counter drop`,
		`oifname "p2" meta l4proto { tcp, udp } numgen inc mod 1014 >= 984 counter drop`,
	} {
		if !strings.Contains(rules, want) {
			t.Errorf("the rules lack %s:\n%s", want, rules)
		}
	}
	if rules := (Config{Receivers: 2}).lossRules(); strings.Contains(rules, "drop") {
		t.Errorf("a lab without loss drops: %s", rules)
	}
}
