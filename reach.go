package groupcast

// Reach is what a check found about how a device is reached. The clients have a sentence for each.
type Reach string

// What a check finds.
const (
	ReachMulticast Reach = "multicast"  // it received every probe of its groups
	ReachLossy     Reach = "lossy"      // it received some of a group's probes
	ReachHTTPS     Reach = "https"      // it received none of a group's probes: data comes over HTTPS
	ReachNotProbed Reach = "not-probed" // no probe could be sent to one of its groups
	ReachNoGroup   Reach = "no-group"   // it answered, and is in no group
	ReachSilent    Reach = "silent"     // it is connected and did not answer
	ReachOff       Reach = "off"        // it is not connected
	ReachNever     Reach = "never"      // it has never been connected
	ReachCopied    Reach = "copied"     // several machines use its login
	ReachUnfit     Reach = "unfit"      // it and the server have no version of a protocol in common
)

// Unheard are the groups whose probes a device heard none of.
func (r CheckResult) Unheard() (groups []string) {
	for _, p := range r.Multicast {
		if p.Sent > 0 && p.Heard == 0 {
			groups = append(groups, p.Group)
		}
	}
	return groups
}

// NotProbed is the first group that no probe could be sent to; empty: there is none.
func (r CheckResult) NotProbed() string {
	for _, p := range r.Multicast {
		if p.Sent == 0 {
			return p.Group
		}
	}
	return ""
}
