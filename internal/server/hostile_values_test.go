package server

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
)

// apiDocument is what the test reads of the server's OpenAPI document.
type apiDocument struct {
	Paths      map[string]map[string]*apiOperation `json:"paths"`
	Components struct {
		Schemas map[string]*apiSchema `json:"schemas"`
	} `json:"components"`
}

type apiOperation struct {
	ID         string `json:"operationId"`
	Access     string `json:"x-groupcast-access"`
	Parameters []struct {
		In     string     `json:"in"`
		Name   string     `json:"name"`
		Schema *apiSchema `json:"schema"`
	} `json:"parameters"`
	Body *struct {
		Content map[string]struct {
			Schema *apiSchema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`

	method, path string
}

type apiSchema struct {
	Ref        string                `json:"$ref"`
	Type       any                   `json:"type"` // a word, or a list of words
	Format     string                `json:"format"`
	Enum       []any                 `json:"enum"`
	Items      *apiSchema            `json:"items"`
	Properties map[string]*apiSchema `json:"properties"`
}

// maker makes requests out of the document, near to what it says and far from it.
type maker struct {
	*rand.Rand
	doc   *apiDocument
	known map[string][]string // what exists, by the name of a field or parameter
	wild  bool                // the path was made to lead elsewhere
}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

func (m *maker) chance(percent int) bool { return m.IntN(100) < percent }

// hostileTexts are strings that somebody may have to escape, bound or refuse.
var hostileTexts = []string{
	"", " ", "\x00", "a\x00b", "..", "../../../etc/passwd", `..\..\x`, "/etc/passwd", "C:\\x", "con", "nul.x",
	".groupcast",
	"'; DROP TABLE users;--", `" OR 1=1`, "%", "_", "%s%n%d", "<script>alert(1)</script>", "{{7*7}}", "${x}",
	"\u202etxt.exe", "\u200b", "e\u0301", "\ufeff", "\u2028", "İ", "ﬁ", "😀", "\r\nSet-Cookie: a=b", "\x1b[2J", "-1",
	"0x10",
	"1e308", "NaN", "Infinity", "9223372036854775808", "18446744073709551616", "true", "null", "٣", "0", "00", "+1",
	"2026-13-45T99:99:99Z", "9999-12-31T23:59:59Z", "-0001-01-01T00:00:00Z", "224.0.0.1:99999", "[::1%eth0]:1",
	"239.1.2.3",
}

func (m *maker) hostileText() string {
	switch m.IntN(12) {
	case 0:
		return strings.Repeat("x", 1<<m.IntN(14))
	case 1:
		return strings.Repeat("😀/", 1<<m.IntN(10))
	case 2:
		b := make([]byte, m.IntN(40))
		for i := range b {
			b[i] = byte(m.Uint32())
		}
		return string(b)
	}
	return pick(m.Rand, hostileTexts)
}

// hostileJSON are values of whatever type, as JSON text, not all of it well-formed.
var hostileJSON = []string{
	"null", "true", "false", "{}", "[]", "[null]", `{"a":{}}`, "0", "-0", "-1", "1.5", "1e308", "1e309", "-1e308",
	"1e-400",
	"9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
	"1e18", "100000000000000000000000000000000000000000", `"\u0000"`, `"\ud800"`, `"\udc00\ud800"`, "\"\xff\xfe\"",
	"\"\xc0\xaf\"",
	`""`, `"x"`, `"AAAA"`, `"!!!!"`, "NaN", "Infinity", "'x'", "// no", "\x00", `"\x"`, "01", "+1", ".5", "[1,]",
	`{"a":1,}`,
}

func (m *maker) hostileValue() string {
	switch m.IntN(10) {
	case 0:
		n := 1 << (3 + m.IntN(12))
		return strings.Repeat("[", n) + strings.Repeat("]", n)
	case 1:
		n := 1 << (3 + m.IntN(11))
		return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n)
	case 2:
		return "[" + strings.Repeat("0,", 1<<m.IntN(14)) + "0]"
	case 3, 4, 5:
		return quoted(m.hostileText())
	}
	return pick(m.Rand, hostileJSON)
}

// quoted writes a JSON string and leaves bytes that are no UTF-8 as they are.
func quoted(s string) string {
	r := strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	return `"` + r.Replace(s) + `"`
}

// value writes a value of a schema, most of the time.
func (m *maker) value(name string, s *apiSchema, depth int) string {
	if s == nil || depth > 12 || m.chance(7) {
		return m.hostileValue()
	}
	if ref := strings.TrimPrefix(s.Ref, "#/components/schemas/"); ref != "" {
		return m.value(name, m.doc.Components.Schemas[ref], depth+1)
	}
	if len(s.Enum) > 0 && m.chance(90) {
		b, err := json.Marshal(pick(m.Rand, s.Enum))
		if err != nil {
			return "null"
		}
		return string(b)
	}
	switch m.typeOf(s) {
	case "object":
		return m.object(s, depth)
	case "array":
		n := m.IntN(4)
		if m.chance(2) {
			n = m.IntN(2000)
		}
		items := make([]string, n)
		for i := range items {
			items[i] = m.value(name, s.Items, depth+1)
		}
		return "[" + strings.Join(items, ",") + "]"
	case "integer", "number":
		return m.number(name)
	case "boolean":
		return strconv.FormatBool(m.chance(50))
	case "null":
		return "null"
	}
	return quoted(m.text(name, s.Format))
}

func (m *maker) typeOf(s *apiSchema) string {
	switch t := s.Type.(type) {
	case string:
		return t
	case []any:
		if word, ok := pick(m.Rand, t).(string); ok {
			return word
		}
	}
	return ""
}

func (m *maker) object(s *apiSchema, depth int) string {
	var b strings.Builder
	b.WriteByte('{')
	field := func(name, value string) {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(quoted(name) + ":" + value)
	}
	for _, name := range sorted(s.Properties) {
		if m.chance(8) {
			continue
		}
		field(name, m.value(name, s.Properties[name], depth+1))
		if m.chance(3) {
			field(name, m.value(name, s.Properties[name], depth+1)) // a second time
		}
		if m.chance(2) {
			field(strings.ToUpper(name), m.hostileValue())
		}
	}
	if m.chance(5) {
		field(m.hostileText(), m.hostileValue())
	}
	return b.String() + "}"
}

func (m *maker) number(name string) string {
	if near := m.known[name]; len(near) > 0 && m.chance(60) {
		return pick(m.Rand, near)
	}
	return pick(m.Rand, []string{
		"0", "1", "2", "10", "100", "4096", "65535", "1000000", "2147483648", "4294967295",
		"9007199254740993",
		"9223372036854775807", "18446744073709551615", "-1", "1.5", "1e3",
	})
}

func (m *maker) text(name, format string) string {
	near := m.known[name]
	switch {
	case len(near) > 0 && m.chance(75):
		return pick(m.Rand, near)
	case format == "date-time" && m.chance(80):
		return pick(m.Rand, []string{"2026-01-02T03:04:05Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"})
	case format == "byte" && m.chance(80):
		return strings.Repeat("AAAA", m.IntN(40))
	}
	return m.hostileText()
}

// address fills an operation's path and query.
func (m *maker) address(op *apiOperation) string {
	path := op.path
	var query []string
	m.wild = false
	for _, p := range op.Parameters {
		v := m.parameter(p.Name, p.Schema)
		if p.In == "path" {
			if m.chance(5) {
				v, m.wild = pick(m.Rand, []string{"", "..", "a/b", "%2e%2e%2fx", ".", "//"}), true
			} else {
				v = url.PathEscape(v)
			}
			path = strings.Replace(path, "{"+p.Name+"}", v, 1)
			continue
		}
		for range pick(m.Rand, []int{0, 1, 1, 1, 2}) {
			query = append(query, p.Name+"="+url.QueryEscape(v))
		}
	}
	if m.chance(6) {
		query = append(query, pick(m.Rand, []string{
			"%zz", "a;b", "&&&", "=", "limit=%00", "from=%ff",
			strings.Repeat("q=1&", 500),
		}))
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + strings.Join(query, "&")
}

func (m *maker) parameter(name string, s *apiSchema) string {
	near := m.known[name]
	switch {
	case len(near) > 0 && m.chance(65):
		return pick(m.Rand, near)
	case s != nil && m.typeOf(s) == "integer" && m.chance(60):
		return m.number(name)
	}
	return m.hostileText()
}

// body makes a body and what it is called; "" sends none.
func (m *maker) body(op *apiOperation) (body, contentType string) {
	contentType = "application/json"
	if op.Body == nil {
		if m.chance(85) {
			return "", ""
		}
		return m.hostileValue(), contentType
	}
	body = m.value("", op.Body.Content["application/json"].Schema, 0)
	switch m.IntN(25) {
	case 0:
		body = body[:m.IntN(len(body)+1)]
	case 1:
		body += pick(m.Rand, []string{"x", "{}", "\x00", "]", strings.Repeat(" ", 5000)})
	case 2:
		body = "\ufeff" + body
	case 3:
		b := []byte(body)
		if len(b) > 0 {
			b[m.IntN(len(b))] ^= byte(1 << m.IntN(8))
		}
		body = string(b)
	case 4:
		body = m.hostileText()
	case 5:
		contentType = pick(m.Rand, []string{
			"", "text/plain", "application/x-www-form-urlencoded",
			"application/json; charset=utf-16",
			"application/cbor", "multipart/form-data; boundary=x", "application/json;;;", "APPLICATION/JSON", "a/b; \xff",
		})
	}
	return body, contentType
}

// headers adds what a client or a proxy may send, or somebody who pretends to be one.
func (m *maker) headers(set func(name, value string)) {
	for range m.IntN(3) {
		h := pick(m.Rand, [][2]string{
			{"X-Forwarded-For", "127.0.0.1"},
			{"X-Forwarded-Host", "evil.example"},
			{"X-HTTP-Method-Override", "DELETE"},
			{"Range", "bytes=0-18446744073709551615"},
			{"Range", "bytes=-1"},
			{"If-None-Match", "*"},
			{"If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"},
			{"Accept", "application/cbor"},
			{"Accept", strings.Repeat("a/b;q=0.1,", 200)},
			{"Accept-Encoding", "gzip, br, \xff"},
			{"Content-Encoding", "gzip"},
			{"Last-Event-ID", "18446744073709551616"},
			{"Cookie", "__Host-gc=x; __Host-gc=y; \xff=1"},
			{
				"Cookie",
				strings.Repeat("a=b; ", 500),
			},
			{"Expect", "100-continue"},
			{"Traceparent", "00-x"},
			{"X-Request-Id", "\x1b[2J"},
			{"Upgrade", "h2c"},
			{"Prefer", "return=minimal"},
			{fmt.Sprintf("X-%d", m.IntN(100)), strings.Repeat("y", m.IntN(8000))},
		})
		set(h[0], h[1])
	}
	if m.chance(4) {
		set("Origin", pick(m.Rand, []string{"https://evil.example", "null", "\xff"}))
		set("Sec-Fetch-Site", pick(m.Rand, []string{"cross-site", "same-site", "none", "x"}))
	}
}
