package rate

// Shares of a limit that multicast and HTTPS have to keep together.
const (
	httpsPart  = 64        // HTTPS gets one part in so many: those who hear multicast do not wait for it …
	httpsLeast = 128 << 10 // … but so many bytes a second, however low the limit …
	httpsMost  = 8         // … if that is no more than one part in so many
)

// Split shares out a limit, in bytes a second, to what goes by multicast and what goes over
// HTTPS at the same time; 0 is no limit. A way that nothing goes by leaves all of it to the other.
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
