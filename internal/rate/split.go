package rate

// Shares of a limit that multicast and HTTPS have to keep together.
const (
	httpsPart  = 64        // HTTPS gets one part in so many: those who hear multicast do not wait for it …
	httpsLeast = 128 << 10 // … but so many bytes a second, however low the limit …
	httpsMost  = 8         // … if that is no more than one part in so many
)

// Split divides a limit, in bytes a second, between multicast and HTTPS; 0 is no limit. If one of them
// is not used, the other gets all of it.
func Split(limit uint64, multicast, https bool) (forMulticast, forHTTPS uint64) {
	switch {
	case limit == 0:
		return 0, 0
	case !multicast || !https:
		return limit, limit
	}
	forHTTPS = max(min(max(limit/httpsPart, httpsLeast), limit/httpsMost), 1)
	return max(limit-forHTTPS, 1), forHTTPS
}
