package httpapi

import (
	"io"
	"net/http"

	"github.com/groupcast/groupcast"
)

const pageText = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>groupcast</title></head>
<body><h1>groupcast</h1>
<p>The server is running. This program was built without the web interface: everything can be
done from the command line. Start with <code>groupcast --help</code> on the server's machine.</p>
<p>The API describes itself in <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p>
</body></html>
`

// plainPage stands at "/" as long as no web interface is built in.
func plainPage(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		writeProblem(w, problem(groupcast.Errorf(groupcast.ENotFound, "there is no such page").WithHint("start at /")))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, pageText) // an error means that the browser is gone
}
