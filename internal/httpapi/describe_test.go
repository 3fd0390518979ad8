package httpapi

import (
	"encoding/json"
	"regexp"
	"testing"
)

type described struct {
	Description string
	Properties  map[string]described
}

func documentedSchemas(t *testing.T) map[string]described {
	res := ask(testHandler(newFake()), "GET", "/api/v1/openapi.json", "", "")
	var doc struct {
		Components struct{ Schemas map[string]described }
	}
	if err := json.Unmarshal(res.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Components.Schemas
}

// Whoever reads the document finds out what each schema is and what each field holds.
func TestTheDocumentDescribesEverySchemaAndField(t *testing.T) {
	schemas := documentedSchemas(t)
	if len(schemas) < 70 {
		t.Fatalf("%d schemas", len(schemas))
	}
	for name, schema := range schemas {
		if schema.Description == "" {
			t.Errorf("%s has no description in schemas.txt", name)
		}
		for field, property := range schema.Properties {
			if property.Description == "" {
				t.Errorf("%s.%s has no description in schemas.txt", name, field)
			}
		}
	}
}

// schemas.txt describes nothing that is not there.
func TestEveryDescriptionIsOfASchema(t *testing.T) {
	schemas := documentedSchemas(t)
	used := map[string]bool{}
	for name, fields := range descriptions(schemaTexts) {
		schema, ok := schemas[name]
		if !ok && name != everySchema {
			t.Errorf("there is no schema %s", name)
			continue
		}
		for field := range fields {
			switch _, ok := schema.Properties[field]; {
			case field == "" || ok:
			case name != everySchema:
				t.Errorf("there is no field %s.%s", name, field)
			}
		}
	}
	for _, schema := range schemas {
		for field := range schema.Properties {
			used[field] = true
		}
	}
	for field := range descriptions(schemaTexts)[everySchema] {
		if field != "" && !used[field] {
			t.Errorf("no schema has a field %s", field)
		}
	}
}

// Descriptions are for everybody: no "he", and nothing of this project's rule codes.
func TestDescriptionsAreForStrangers(t *testing.T) {
	bad := regexp.MustCompile(`(?i)\b(he|him|his|whose word|told|lies)\b|security\.md|§[A-Z]|\([A-Z][0-9]\)`)
	texts := descriptions(schemaTexts)
	texts["operation"] = operationAbout
	for name, fields := range texts {
		for field, text := range fields {
			if bad.MatchString(text) {
				t.Errorf("%s.%s: %s", name, field, text)
			}
		}
	}
}

func TestTheDocumentDescribesEveryOperation(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct{ OperationID, Description string }
	}
	res := ask(testHandler(newFake()), "GET", "/api/v1/openapi.json", "", "")
	if err := json.Unmarshal(res.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"": true}
	for _, operations := range doc.Paths {
		for _, op := range operations {
			known[op.OperationID] = true
			if op.Description == "" {
				t.Errorf("%s has no description in operations.txt", op.OperationID)
			}
		}
	}
	for id := range operationAbout {
		if !known[id] {
			t.Errorf("operations.txt describes %s, which is no operation", id)
		}
	}
}
