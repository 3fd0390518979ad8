package seal

import (
	"bytes"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// FuzzPackets: nothing but what was sealed and signed with the keys opens or verifies. A member has
// the session's key: what they seal opens, and still is no SYNC of the server.
func FuzzPackets(f *testing.F) {
	s, key := testSession(f), testKey(f)
	f.Add(s.SealSync(key, 7, wire.Sync{Sequence: 3, RangeLast: 6}))
	f.Add(s.Seal(nil, s.data(9), wire.AppendData(nil, wire.Data{Block: 1, Length: 600, Index: 1, Symbol: make([]byte,
		512)})))
	f.Add(NewFeedbackSealer(testSecret(), testID).Seal(nil, wire.Feedback{Verified: 1, Flags: wire.FeedbackBar}))
	f.Add(SignAnnounce(key, wire.Announce{Number: 1}))
	f.Add(SignProbe(key, wire.Probe{Nonce: [16]byte{9}}))
	genuine := map[string]bool{}
	for _, p := range [][]byte{
		s.SealSync(key, 7, wire.Sync{Sequence: 3, RangeLast: 6}), SignAnnounce(key, wire.Announce{Number: 1}),
		SignProbe(key, wire.Probe{Nonce: [16]byte{9}}), NewFeedbackSealer(testSecret(), testID).Seal(nil,
			wire.Feedback{Verified: 1, Flags: wire.FeedbackBar}),
		s.Seal(nil, s.data(9), wire.AppendData(nil, wire.Data{Block: 1, Length: 600, Index: 1, Symbol: make([]byte, 512)})),
	} {
		genuine[string(p)] = true
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		before := bytes.Clone(packet)
		_, body, opened := s.Open(nil, packet)
		_, _, synced := s.OpenSync(key.Public(), packet)
		_, fed := NewFeedbackOpener(testSecret(), testID).Open(packet)
		_, announced := VerifyAnnounce(key.Public(), packet)
		_, probed := VerifyProbe(key.Public(), packet)
		for what, err := range map[string]error{
			"opened": opened, "SYNC": synced, "feedback": fed,
			"announcement": announced, "probe": probed,
		} {
			if err == nil && !genuine[string(packet)] {
				t.Fatalf("%s: % x", what, packet)
			}
		}
		if opened == nil {
			_, _ = wire.ParseData(body)
		}
		if !bytes.Equal(before, packet) {
			t.Fatal("the packet was written to")
		}
	})
}

// FuzzForgedBodies: whatever a member seals with the session's key or their own feedback key opens
// as it was, and no body of theirs passes for a signed SYNC.
func FuzzForgedBodies(f *testing.F) {
	s, key := testSession(f), testKey(f)
	_, sync, err := s.Open(nil, s.SealSync(key, 7, wire.Sync{Sequence: 3, RangeLast: 6}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint64(7), sync)
	f.Add(uint64(1<<28), wire.AppendData(nil, wire.Data{Block: 1, Length: 600, Index: 1, Symbol: make([]byte, 512)}))
	f.Fuzz(func(t *testing.T, number uint64, body []byte) {
		n := protocol.PacketNumber(number & protocol.MaxPacketNumber)
		for _, kind := range []wire.Kind{wire.KindData, wire.KindSync} {
			h := wire.Header{Kind: kind, Tag: s.tag, Number: n}
			got, out, err := s.Open(nil, s.Seal(nil, h, body))
			if err != nil || got != h || !bytes.Equal(out, body) {
				t.Fatalf("%+v came back as %+v, %v", h, got, err)
			}
		}
		if v, err := s.VerifySync(key.Public(), body); err == nil && !bytes.Equal(body, sync) {
			t.Fatalf("% x passes for %+v", body, v)
		}
	})
}
