package apiclient

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
)

// stranger says what answers at an address and is no groupcast server; nil: that cannot be told.
func stranger(err error, where string) *groupcast.Error {
	var record tls.RecordHeaderError
	var other pki.Stranger
	what := ""
	switch {
	case errors.As(err, &record):
		what = spoken(record.RecordHeader[:])
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		what = spoken([]byte("HTTP/"))
	case errors.As(err, &other) && other.Name != "":
		what = "is another server with HTTPS: its certificate is for " + strconv.Quote(shortened(other.Name))
	case errors.As(err, &other):
		what = "is another server with HTTPS"
	case strings.Contains(err.Error(), "protocol version"): // of crypto/tls: it has no type for it
		what = "speaks HTTPS, but not as a groupcast server does"
	default:
		return nil
	}
	return groupcast.Errorf(groupcast.EUnavailable, "what answers at %s %s", where, what).
		WithHint("%s", anotherDoor(where))
}

// spoken names a protocol by its first bytes.
func spoken(first []byte) string {
	for _, p := range []struct{ begins, is string }{
		{"HTTP/", "does not speak HTTPS: it is a web server without encryption"},
		{"<", "does not speak HTTPS: it is a web server without encryption"},
		{"SSH-", "does not speak HTTPS: it is SSH"},
		{"220", "does not speak HTTPS: it is a mail or FTP server"},
		{"RFB ", "does not speak HTTPS: it is a remote screen (VNC)"},
	} {
		if bytes.HasPrefix(first, []byte(p.begins)) {
			return p.is
		}
	}
	return "does not speak HTTPS"
}

func shortened(name string) string {
	if r := []rune(name); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return name
}

// anotherDoor says where the server may be, if it is not at this address.
func anotherDoor(where string) string {
	host, port, err := net.SplitHostPort(where)
	if usual := strconv.Itoa(protocol.ControlPort); err == nil && port != usual {
		return "try https://" + net.JoinHostPort(host, usual) +
			", or the address that `groupcast serve` prints on the server"
	}
	return "take the address that `groupcast serve` prints on the server"
}
