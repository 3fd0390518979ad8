package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
)

var update = flag.Bool("update", false, "write the OpenAPI document that the web interface's types are made from")

// TestTheDocumentIsTheOneTheWebInterfaceKnows compares the API with web/openapi.json, from
// which `make types` makes the types of the web interface.
func TestTheDocumentIsTheOneTheWebInterfaceKnows(t *testing.T) {
	res := ask(testHandler(httpapitest.New()), "GET", "/api/v1/openapi.json", "", "")
	var doc map[string]any
	if err := json.Unmarshal(res.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	doc["info"].(map[string]any)["version"] = "" // of the program: it does not change the types
	closed(doc)
	now, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	now = append(now, '\n')
	path := filepath.Join("..", "..", "web", "openapi.json")
	if *update {
		if err := os.WriteFile(path, now, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	known, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(known, now) {
		t.Error("the API changed and the web interface does not know: run `make types`, then look at web/src")
	}
}

// closed leaves out that objects may hold more: a property that is not there must not pass for
// one of unknown type.
func closed(v any) {
	switch v := v.(type) {
	case map[string]any:
		if v["additionalProperties"] == true {
			delete(v, "additionalProperties")
		}
		for _, inner := range v {
			closed(inner)
		}
	case []any:
		for _, inner := range v {
			closed(inner)
		}
	}
}

func TestTheDocumentIsWhereToolsLookForIt(t *testing.T) {
	h := testHandler(newFake())
	here, there := ask(h, "GET", "/openapi.json", "", ""), ask(h, "GET", prefix+"/openapi.json", "", "")
	if here.Code != http.StatusOK || here.Body.String() != there.Body.String() || here.Body.Len() == 0 {
		t.Errorf("%d, %d bytes; the other has %d", here.Code, here.Body.Len(), there.Body.Len())
	}
	if kind := here.Header().Get("Content-Type"); kind != there.Header().Get("Content-Type") {
		t.Errorf("a %s", kind)
	}
}
