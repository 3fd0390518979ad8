package ui

import (
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
)

// Signed says what of a delivery its device signed.
func Signed(s groupcast.Signed) string {
	switch s {
	case groupcast.SignedAll:
		return "all of it"
	case groupcast.SignedCounts:
		return "all but the names"
	case groupcast.SignedOutcome:
		return "the outcome only"
	default:
		return "-"
	}
}

// joined joins those texts that say something.
func joined(by string, texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(t string) bool { return t == "" }), by)
}

// unsigned says of a receipt that does not cover what is shown beside the outcome.
func unsigned(d groupcast.Delivery) string {
	if d.Signed != groupcast.SignedOutcome {
		return ""
	}
	return "reason, path and counts are not signed"
}
