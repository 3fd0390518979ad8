package server

import "testing"

// A group's name becomes a folder at every receiver, on Windows and on FAT, too.
func TestGroupNamesAreFolders(t *testing.T) {
	for name, ok := range map[string]bool{
		"lab": true, "lab.a": true, "lab-a_1": true, "lab.": false, "lab..": false, "a-.": false, "con": false, "nul.x": false,
		"com1": false, "Lab": false, "lab ": false, "console": true,
	} {
		t.Run(name, func(t *testing.T) {
			if err := checkGroupName(name); (err == nil) != ok {
				t.Errorf("%q: %v", name, err)
			}
		})
	}
}
