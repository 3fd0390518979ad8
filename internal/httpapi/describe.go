package httpapi

import (
	_ "embed"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed schemas.txt
var schemaTexts string

//go:embed operations.txt
var operationTexts string

// operationAbout has the description of each operation, by its ID.
var operationAbout = descriptions("[]\n" + operationTexts)[""]

// everySchema is the name under which schemas.txt describes fields that mean the same everywhere.
const everySchema = "*"

// describe gives schemas and their fields the descriptions that schemas.txt has for them. A
// description that a doc tag gave stays.
func describe(schemas map[string]*huma.Schema) {
	texts := descriptions(schemaTexts)
	for name, schema := range schemas {
		if schema.Description == "" {
			schema.Description = texts[name][""]
		}
		for field, property := range schema.Properties {
			if property.Description != "" {
				continue
			}
			property.Description = texts[everySchema][field]
			if own, ok := texts[name][field]; ok {
				property.Description = own
			}
		}
	}
}

// descriptions parses a text: by what stands in brackets and then by what stands before a colon.
// The text after the brackets is under "".
func descriptions(text string) map[string]map[string]string {
	all := map[string]map[string]string{}
	var schema, field string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == ' ':
			all[schema][field] += line
		case line[0] == '[':
			name, about, _ := strings.Cut(line[1:], "]")
			schema, field = name, ""
			all[schema] = map[string]string{"": strings.TrimSpace(about)}
		default:
			name, about, _ := strings.Cut(line, ": ")
			field = name
			all[schema][field] = about
		}
	}
	return all
}
