package daemon

import (
	"strings"
	"testing"
)

// What does not go together is refused before anything is opened.
func TestWhichServersMayShareADatabase(t *testing.T) {
	const db = "postgres://gc@127.0.0.1/gc"
	for name, c := range map[string]struct {
		options Options
		refused string // a part of why; empty: it may be
	}{
		"one server, in a file":    {Options{}, ""},
		"one server, in a cluster": {Options{Database: db}, ""},
		"a node":                   {Options{Database: db, Node: "a", Advertise: "10.0.0.1:7440"}, ""},
		"a node with a name":       {Options{Database: db, Node: "a", Advertise: "gc.example:7440"}, ""},
		"a node with a file":       {Options{Node: "a", Advertise: "10.0.0.1:7440"}, "PostgreSQL"},
		"no address":               {Options{Database: db, Node: "a"}, "belong together"},
		"no name":                  {Options{Database: db, Advertise: "10.0.0.1:7440"}, "belong together"},
		"an address without port":  {Options{Database: db, Node: "a", Advertise: "10.0.0.1"}, "not an address"},
		"a URL":                    {Options{Database: db, Node: "a", Advertise: "https://10.0.0.1:7440"}, "not an address"},
		"a bucket of one server": {
			Options{Database: db, Content: "s3://b/p?endpoint=127.0.0.1:7070"}, "",
		},
		"a bucket whose lists another server has": {
			Options{Database: db, Node: "a", Advertise: "10.0.0.1:7440", Content: "s3://b/p?endpoint=127.0.0.1:7070"},
			"--content",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.options.CheckNode()
			if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%v, want %q", err, c.refused)
			}
		})
	}
}
