package apiclient_test

import (
	"errors"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
)

var errEnough = errors.New("enough")

func TestEvents(t *testing.T) {
	w := newWorld(t)
	transfer := httpapitest.Fill[groupcast.Transfer]()
	sent := []groupcast.Event{
		{Version: 41, Kind: groupcast.EventHello},
		{Version: 42, Kind: groupcast.EventGroup, Group: "lab", Text: "two\nlines: data: event: x"},
		{Version: 43, Kind: groupcast.EventProgress, Transfer: 7, Data: transfer},
	}
	for _, e := range sent {
		w.service.EventStream().C <- e
	}
	w.service.EventStream().Cut <- groupcast.Errorf(groupcast.EExhausted, "256 events behind").WithHint("read again")
	var got []groupcast.Event
	err := w.client(t, "cli-admin").Events(t.Context(), func(e groupcast.Event) error { got = append(got, e); return nil })
	if groupcast.ErrorCode(err) != groupcast.EExhausted || err.Error() != "256 events behind; read again" {
		t.Errorf("cut off with %v", err)
	}
	if !same(got, sent) {
		t.Errorf("got %+v\nwant %+v", got, sent)
	}
}

func TestAgentEvents(t *testing.T) {
	w := newWorld(t)
	sent := []groupcast.AgentEvent{{Version: 1, Kind: groupcast.AgentHello}, httpapitest.Fill[groupcast.AgentEvent]()}
	for _, e := range sent {
		w.service.AgentStream().C <- e
	}
	var got []groupcast.AgentEvent
	said := httpapitest.Fill[groupcast.Attach]()
	err := w.client(t, "agent").AgentEvents(t.Context(), said, func(e groupcast.AgentEvent) error {
		if got = append(got, e); len(got) == len(sent) {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) || !same(got, sent) {
		t.Errorf("ended with %v, got %+v\nwant %+v", err, got, sent)
	}
	if calls := w.service.Calls(); len(calls) != 1 || !same(calls[0].Args, []any{said}) {
		t.Errorf("the agent said %+v, %+v came", said, calls)
	}
	<-w.service.AgentStream().Closed // the server notices that the device has gone
}

// TestStoppingServerEndsStreams: it says so, and does not wait for the readers.
func TestStoppingServerEndsStreams(t *testing.T) {
	w := newWorld(t)
	w.service.AgentStream().C <- groupcast.AgentEvent{Version: 1, Kind: groupcast.AgentHello}
	err := w.client(t, "agent").AgentEvents(t.Context(), groupcast.Attach{}, func(groupcast.AgentEvent) error {
		go w.stop()
		return nil
	})
	if groupcast.ErrorCode(err) != groupcast.EUnavailable {
		t.Errorf("ended with %v", err)
	}
}
