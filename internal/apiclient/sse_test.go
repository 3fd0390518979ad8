package apiclient

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestReadEvents(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"one":            {"id: 1\nevent: a\ndata: x\n\n", []string{"a|x"}},
		"heartbeats":     {": \n\n:\n\nevent: a\ndata: x\n\n: \n\n", []string{"a|x"}},
		"no space":       {"event:a\ndata:x\n\n", []string{"a|x"}},
		"several lines":  {"data: x\ndata: y\n\n", []string{"|x\ny"}},
		"CRLF":           {"event: a\r\ndata: x\r\n\r\n", []string{"a|x"}},
		"cut in half":    {"event: a\ndata: x\n\nevent: b\ndata: y", []string{"a|x"}},
		"kind is reset":  {"event: a\ndata: x\n\ndata: y\n\n", []string{"a|x", "|y"}},
		"without data":   {"event: a\n\n", nil},
		"empty data":     {"data:\n\n", []string{"|"}},
		"unknown fields": {"retry: 5000\nfoo: bar\nnonsense\ndata: x\n\n", []string{"|x"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			err := readEvents(strings.NewReader(c.in), func(kind string, data []byte) error {
				got = append(got, kind+"|"+string(data))
				return nil
			})
			if !errors.Is(err, io.EOF) || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s: got %q, %v; want %q", name, got, err, c.want)
			}
		})
	}
}

func TestEndlessEventIsRefused(t *testing.T) {
	for name, r := range map[string]io.Reader{
		"one line":   io.MultiReader(strings.NewReader("data: "), io.LimitReader(endless{}, 2*maxEvent)),
		"many lines": strings.NewReader(strings.Repeat("data: "+strings.Repeat("x", 1<<16)+"\n", 2*maxEvent>>16)),
	} {
		err := readEvents(r, func(string, []byte) error { t.Errorf("%s: came through", name); return nil })
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return copy(b, bytes.Repeat([]byte("x"), len(b))), nil }
