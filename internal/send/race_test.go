//go:build race

package send_test

const underRace = true
