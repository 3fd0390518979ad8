package summary

import (
	"fmt"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/schedule"
)

func TestReasonsOfTheScheduleInWords(t *testing.T) {
	for reason, want := range map[schedule.Reason]string{
		{Code: schedule.ByChoice}:                "by choice",
		{Code: schedule.AsAsked}:                 "an administrator asked",
		{Code: schedule.NoAnswer}:                "did not answer",
		{Code: schedule.Fruitless}:               "nothing new",
		{Code: schedule.SessionEnded}:            "session ended",
		{Code: schedule.NobodyTookPart}:          "nobody took part",
		{Code: schedule.NoMulticast}:             "site has no multicast",
		{Code: schedule.RelayAway}:               "cannot be reached",
		{Code: schedule.RelayFetching}:           "fetches it",
		{Code: schedule.Told, Text: "30 % loss"}: "30 % loss",
		{}:                                       "",
	} {
		if got := Reason(reason); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%+v: %q", reason, got)
		}
	}
}

func TestStatesOfTheScheduleInWords(t *testing.T) {
	told := schedule.Reason{Code: schedule.Told, Text: "30 % loss"}
	for _, test := range []struct {
		d    schedule.Delivery
		want string
	}{
		{schedule.Delivery{State: schedule.StateAsked}, "has not answered yet"},
		{schedule.Delivery{State: schedule.StateStored}, "puts the files in place"},
		{schedule.Delivery{State: schedule.StateLater}, "put off"},
		{schedule.Delivery{State: schedule.StateSilent}, "does not answer"},
		{schedule.Delivery{State: schedule.StatePaused, Reason: told}, "tried again: 30 % loss"},
		{schedule.Delivery{State: schedule.StateHTTPS}, "receives over HTTPS"},
		{schedule.Delivery{State: schedule.StateHTTPS, Reason: told}, "receives over HTTPS: 30 % loss"},
		{schedule.Delivery{State: schedule.StateMulticast, Reason: told}, ""},
	} {
		t.Run(fmt.Sprint(test.d.State, test.d.Reason.Code), func(t *testing.T) {
			got := State(test.d)
			if !strings.HasSuffix(got, test.want) && !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestWorkInWords(t *testing.T) {
	for want, work := range map[string]groupcast.Work{
		"looks through what lies there already": {Phase: groupcast.WorkLooking, Done: 5, Of: 10},
		"puts the files in place":               {Phase: groupcast.WorkWriting},
		"writing 1,200 of 51,000 files":         {Phase: groupcast.WorkWriting, Done: 1200, Of: 51000},
	} {
		if got := Work(&work); got != want {
			t.Errorf("%+v: %q, want %q", work, got, want)
		}
	}
}

func TestNumbersAreReadable(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 51000: "51,000", 1234567: "1,234,567"} {
		if got := readable(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
