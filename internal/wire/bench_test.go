package wire

import (
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

// codec is how one message is written and read.
type codec struct {
	name  string
	write func(dst []byte) []byte
	read  func(b []byte) error
}

// codecs are the messages of a running session.
func codecs() []codec {
	d := Data{Block: 1, Length: 230_400, Index: 3, Symbol: make([]byte, protocol.DefaultSymbol)}
	s, f := someSync(), someFeedback()
	report := Feedback{Flags: FeedbackBar, Declared: 1000, Received: 990, High: 77}
	return []codec{
		{"data", func(dst []byte) []byte {
			return AppendData(AppendHeader(dst, Header{Kind: KindData, Number: 9}), d)
		}, func(b []byte) error {
			if _, err := ParseHeader(b); err != nil {
				return err
			}
			_, err := ParseData(b[protocol.GroupHeaderBytes:])
			return err
		}},
		{
			"sync", func(dst []byte) []byte { return AppendSyncBody(dst, s) },
			func(b []byte) error { _, err := ParseSyncBody(b); return err },
		},
		{
			"report", func(dst []byte) []byte { return AppendFeedback(dst, report) },
			func(b []byte) error { _, err := ParseFeedback(b); return err },
		},
		{
			"nack", func(dst []byte) []byte { return AppendFeedback(dst, f) },
			func(b []byte) error { _, err := ParseFeedback(b); return err },
		},
	}
}

// Writing allocates nothing, whatever the message; reading a report, of which a large group
// sends thousands a second, does not either.
func TestMessagesAreWrittenWithoutAllocation(t *testing.T) {
	buf := make([]byte, 0, 1500)
	for _, c := range codecs() {
		if n := testing.AllocsPerRun(100, func() { c.write(buf) }); n != 0 {
			t.Errorf("writing %s: %v allocations", c.name, n)
		}
		reads := c.name == "data" || c.name == "report"
		b := c.write(nil)
		if n := testing.AllocsPerRun(100, func() {
			if err := c.read(b); err != nil {
				t.Fatal(err)
			}
		}); reads && n != 0 {
			t.Errorf("reading %s: %v allocations", c.name, n)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	buf := make([]byte, 0, 1500)
	for _, c := range codecs() {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				buf = c.write(buf[:0])
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for _, c := range codecs() {
		b.Run(c.name, func(b *testing.B) {
			bytes := c.write(nil)
			b.ReportAllocs()
			for b.Loop() {
				if err := c.read(bytes); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
