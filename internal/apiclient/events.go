package apiclient

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strconv"

	"github.com/groupcast/groupcast"
)

// maxEvent bounds one event; a small manifest may travel in an offer's.
const maxEvent = 4 << 20

// Events reads changes until the stream ends, which is always an error: ctx's, the server's reason, or
// the network's. Callers that subscribe again must read the state again.
func (c *Client) Events(ctx context.Context, each func(groupcast.Event) error) error {
	return listen(ctx, c, "/events", nil, func(data []byte) error {
		var e groupcast.Event
		var progress groupcast.Transfer
		e.Data = &progress
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		e.Data = nil
		if e.Kind == groupcast.EventProgress {
			e.Data = progress
		}
		return each(e)
	})
}

// AgentEvents attaches the device and reads its events until the stream ends, as Events does.
func (c *Client) AgentEvents(ctx context.Context, a groupcast.Attach, each func(groupcast.AgentEvent) error) error {
	return listen(ctx, c, "/agent/events", attaching(a), func(data []byte) error {
		var e groupcast.AgentEvent
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		return each(e)
	})
}

func attaching(a groupcast.Attach) url.Values {
	query := url.Values{}
	for key, value := range map[string]string{"instance": a.Instance, "boot": a.Boot, "program": a.Speaks.Program} {
		if value != "" {
			query.Set(key, value)
		}
	}
	for key, value := range map[string]int{
		"control_least": a.Speaks.Control.Least, "control_most": a.Speaks.Control.Most,
		"wire_least": a.Speaks.Wire.Least, "wire_most": a.Speaks.Wire.Most,
	} {
		if value != 0 {
			query.Set(key, strconv.Itoa(value))
		}
	}
	if a.Keep {
		query.Set("keep", "true")
	}
	for key, value := range map[string][]byte{"newest": a.Newest, "newest_signature": a.NewestSignature} {
		if len(value) > 0 && len(value) <= groupcast.MaxAttachOffer {
			query.Set(key, base64.RawURLEncoding.EncodeToString(value))
		}
	}
	return query
}

func listen(ctx context.Context, c *Client, path string, query url.Values, each func([]byte) error) error {
	body, err := c.stream(ctx, c.calls, path, query)
	if err != nil {
		return err
	}
	defer body.Close()
	err = readEvents(body, func(kind string, data []byte) error {
		if kind == "cut" {
			return cutOff(data)
		}
		return each(data)
	})
	if errors.Is(err, io.EOF) {
		return groupcast.Errorf(groupcast.EUnavailable, "the event stream from %s ended", c.where).
			WithHint("it is opened again by itself")
	}
	return err
}

func cutOff(data []byte) error {
	var p problem
	if err := json.Unmarshal(data, &p); err != nil || p.Code == "" {
		return groupcast.Errorf(groupcast.EUnavailable, "the server ended the event stream")
	}
	return p.err()
}

// readEvents parses server-sent events: of the fields only event and data, which is all the
// server sends besides id and retry. It ends with each's error, the reader's, or io.EOF.
func readEvents(r io.Reader, each func(kind string, data []byte) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4<<10), maxEvent)
	lines.Split(wholeLines)
	var kind string
	var data []byte
	for lines.Scan() {
		field, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(lines.Bytes()) == 0 && data != nil:
			if err := each(kind, data); err != nil {
				return err
			}
			kind, data = "", nil
		case string(field) == "event":
			kind = string(value)
		case string(field) == "data" && data == nil:
			data = append([]byte{}, value...)
		case string(field) == "data":
			if len(data)+len(value) > maxEvent {
				return bufio.ErrTooLong
			}
			data = append(append(data, '\n'), value...)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.EOF
}

// wholeLines splits a stream into lines. What the end of the stream cut off is none.
func wholeLines(data []byte, atEOF bool) (advance int, line []byte, err error) {
	if end := bytes.IndexByte(data, '\n'); end >= 0 {
		return bufio.ScanLines(data[:end+1], false)
	}
	if atEOF {
		return len(data), nil, nil
	}
	return 0, nil, nil
}
