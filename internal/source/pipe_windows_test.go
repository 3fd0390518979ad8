package source

import "testing"

func pipe(t testing.TB, _ string) { t.Skip("there are no FIFOs here") }
