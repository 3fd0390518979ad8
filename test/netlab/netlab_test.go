package netlab

import (
	"context"
	"os"
	"regexp"
	"strconv"
	"testing"
)

// TestLabCarriesAndLoses builds the lab and pings through it: what every other test in here
// stands on.
func TestLabCarriesAndLoses(t *testing.T) {
	if why := Missing(); why != "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("the lab cannot be built here: it lacks %s", why)
		}
		t.Skipf("skipped: this machine lacks %s", why)
	}
	l, err := Up(Config{Name: "gclab", Receivers: 2, Rate: "100mbit", Loss: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Down()
	before, err := l.SentBytes()
	if err != nil {
		t.Fatal(err)
	}
	cmd := l.Command(context.Background(), "s", "bash", "-c",
		"for i in $(seq 200); do echo x > /dev/udp/"+ReceiverIP(1)+"/9; done")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	after, err := l.SentBytes()
	if err != nil {
		t.Fatal(err)
	}
	if after-before < 200*44 {
		t.Errorf("the wire carried %d bytes, want at least %d", after-before, 200*44)
	}
	rules, err := l.Run("b", "nft", "list", "ruleset")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`oifname "p1" .*counter packets (\d+)`).FindStringSubmatch(rules)
	if found == nil {
		t.Fatalf("no loss rule for the first receiver: %s", rules)
	}
	if lost, _ := strconv.Atoi(found[1]); lost < 1 || lost > 40 {
		t.Errorf("%d of 200 datagrams were lost, 5 %% were asked for", lost)
	}
}
