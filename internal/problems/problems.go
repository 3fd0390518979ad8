// Package problems is the table of the errors that the API answers: each code of the domain with its HTTP status and
// what a client does about it. docs/api.md and the OpenAPI document have the same table.
package problems

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/groupcast/groupcast"
)

// Kind is one kind of error.
type Kind struct {
	Code   groupcast.Code `json:"code"`
	Status int            `json:"status"`
	Title  string         `json:"title"`
	Do     string         `json:"do"` // what a client does about it
}

// Kinds is the table of all of them, by status. No other place gives a code its status.
var Kinds = []Kind{
	{
		groupcast.EInvalid, http.StatusBadRequest, "The request is wrong",
		"Correct what detail names. The same request fails again.",
	},
	{
		groupcast.EUnauthorized, http.StatusUnauthorized, "This needs a login",
		"Log in again: the token is missing, unknown or has ended.",
	},
	{
		groupcast.EForbidden, http.StatusForbidden, "Not allowed",
		"Use a login that may do this; x-groupcast-access says which.",
	},
	{
		groupcast.ENotFound, http.StatusNotFound, "There is no such thing",
		"Check the name or number. It may have been deleted.",
	},
	{
		groupcast.EConflict, http.StatusConflict, "It is not in the state for this",
		"Read it again, then decide. Names that are taken and transfers that are closed answer this.",
	},
	{
		groupcast.ECopied, http.StatusConflict, "Another machine uses this login",
		"Let the machine with the copy log in as a device of its own.",
	},
	{
		groupcast.ENobody, http.StatusConflict, "There is nobody to send to",
		"Add members to the group, or send without now.",
	},
	{
		groupcast.EUnconfirmed, http.StatusConflict, "The memberships are not confirmed",
		"Check the members of all groups, then call confirm-memberships.",
	},
	{
		groupcast.EInFlight, http.StatusConflict, "The first request with this key still runs",
		"Send the same request again after Retry-After.",
	},
	{
		groupcast.EInterrupted, http.StatusConflict, "It is not known what became of the first request with this key",
		"Look whether it was done. If not, send it with a new key.",
	},
	{
		groupcast.EClosed, http.StatusGone, "It has ended for good",
		"Do not try again.",
	},
	{
		groupcast.EChanged, http.StatusPreconditionFailed, "It was changed since",
		"Read it again: the answer's ETag is its version now. Then decide.",
	},
	{
		groupcast.ETooLarge, http.StatusRequestEntityTooLarge, "The request is too large",
		"Send less at once; hint says how much.",
	},
	{
		groupcast.EMediaType, http.StatusUnsupportedMediaType, "The body is of another type",
		"Send the Content-Type that hint names.",
	},
	{
		groupcast.EKeyReused, http.StatusUnprocessableEntity, "The key belongs to another request",
		"Use a new Idempotency-Key for each thing that you create.",
	},
	{
		groupcast.EExhausted, http.StatusTooManyRequests, "Too many or too much",
		"Wait for Retry-After. If a limit is full, delete something first; detail says which.",
	},
	{
		groupcast.EInternal, http.StatusInternalServerError, "Something went wrong inside the server",
		"The server's log says more under the request's number in hint.",
	},
	{
		groupcast.EBusy, http.StatusServiceUnavailable, "The server is busy",
		"Send the same request again after Retry-After.",
	},
	{
		groupcast.EUnavailable, http.StatusServiceUnavailable, "Not possible at the moment",
		"Try again after Retry-After. It stays so if something at the server has to be put right; detail says what.",
	},
}

// Of is the entry of a code; an unknown code is an error of the server.
func Of(code groupcast.Code) Kind {
	for _, k := range Kinds {
		if k.Code == code {
			return k
		}
	}
	return Of(groupcast.EInternal)
}

// OfStatus is the entry for an error that huma raises. Of several with its status it is the first that is
// no special case; a status that is not in the table is that of a request that is wrong, or of the server.
func OfStatus(status int) Kind {
	switch {
	case status == http.StatusUnprocessableEntity: // what huma says of a body that does not fit its schema
		return Of(groupcast.EInvalid)
	case status >= 500:
		return Of(groupcast.EInternal)
	}
	for _, k := range Kinds {
		if k.Status == status {
			return k
		}
	}
	return Of(groupcast.EInvalid)
}

// Codes lists the codes with their statuses.
func Codes() string {
	all := make([]string, len(Kinds))
	for i, k := range Kinds {
		all[i] = fmt.Sprintf("%s (%d)", k.Code, k.Status)
	}
	return strings.Join(all, ", ")
}
