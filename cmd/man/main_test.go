package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAPageForEachCommand(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	for page, wants := range map[string][]string{
		"groupcast.1":                {".SH NAME", "groupcast-send(1)", "--json"},
		"groupcast-send.1":           {"--plan", "groupcast send lab-a ubuntu.iso", "exit code is 0 if all"},
		"groupcast-pending-add.1":    {"--exclude"},
		"groupcast-member-remove.1":  {"--yes", "groupcast member remove lab-a alice"},
		"groupcast-transfer-proof.1": {"groupcast verify proof.json"},
	} {
		t.Run(page, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, page))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range wants {
				if !strings.Contains(string(text), want) && !strings.Contains(strings.ReplaceAll(string(text), `\-`, "-"), want) {
					t.Errorf("no %q in it", want)
				}
			}
		})
	}
}
