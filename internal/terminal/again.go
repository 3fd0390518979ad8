package terminal

import (
	"strings"
)

// Again is the command that was given, with a flag of another value.
func Again(args []string, flag, value string) string {
	out := []string{"groupcast"}
	for i := 0; i < len(args); i++ {
		if args[i] == flag {
			i++
			continue
		}
		if !strings.HasPrefix(args[i], flag+"=") {
			out = append(out, quoted(args[i]))
		}
	}
	return strings.Join(append(out, flag, value), " ")
}

// quoted writes an argument so that a shell reads it as it is.
func quoted(arg string) string {
	plain := arg != "" && strings.IndexFunc(arg, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("-_./:=,+@%", r))
	}) < 0
	if plain {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
