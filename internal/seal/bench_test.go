package seal

import (
	"testing"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
)

// BenchmarkSeal seals one data packet.
func BenchmarkSeal(b *testing.B) {
	s := testSession(b)
	body, packet := make([]byte, protocol.DefaultSymbol+protocol.DataHeaderBytes), make([]byte, 0, 1500)
	number := protocol.PacketNumber(0)
	b.SetBytes(protocol.DefaultSymbol)
	b.ReportAllocs()
	for b.Loop() {
		number++
		packet = s.Seal(packet[:0], s.data(number), body)
	}
}

// BenchmarkOpen opens one data packet.
func BenchmarkOpen(b *testing.B) {
	s := testSession(b)
	packet := s.Seal(nil, s.data(1), make([]byte, protocol.DefaultSymbol+protocol.DataHeaderBytes))
	out := make([]byte, 0, 1500)
	b.SetBytes(protocol.DefaultSymbol)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.Open(out, packet); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSealTrain seals a train of 44 packets, one after another in one buffer, as the
// sender hands it to the kernel.
func BenchmarkSealTrain(b *testing.B) {
	const packets = 44
	s := testSession(b)
	body := make([]byte, protocol.DefaultSymbol+protocol.DataHeaderBytes)
	train := make([]byte, 0, packets*1500)
	number := protocol.PacketNumber(0)
	b.SetBytes(packets * protocol.DefaultSymbol)
	b.ReportAllocs()
	for b.Loop() {
		train = train[:0]
		for range packets {
			number++
			train = s.Seal(train, s.data(number), body)
		}
	}
}

// BenchmarkMAC makes the MAC of one data packet: what a session with MACs costs beyond one without, at either end.
func BenchmarkMAC(b *testing.B) {
	s := testSession(b)
	k := s.MACKey(5, format2.Element{1})
	plain := make([]byte, protocol.GroupHeaderBytes+protocol.DataHeaderBytes+protocol.DefaultSymbol+1)
	number := protocol.PacketNumber(0)
	b.SetBytes(protocol.DefaultSymbol)
	b.ReportAllocs()
	for b.Loop() {
		number++
		if m := k.Sum(number, plain); m.Slot != 5 {
			b.Fatal("of another slot")
		}
	}
}

// BenchmarkMACKey derives the key of a slot.
func BenchmarkMACKey(b *testing.B) {
	s := testSession(b)
	for b.Loop() {
		s.MACKey(5, format2.Element{1})
	}
}
