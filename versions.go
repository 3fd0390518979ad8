package groupcast

import "github.com/groupcast/groupcast/internal/protocol"

// Versions are the versions of one protocol that a program speaks, from Least to Most. A program
// that does not say so is of the first release and speaks 1.
type Versions struct {
	Least int `json:"least"`
	Most  int `json:"most"`
}

// Speaks has the versions that agent and server exchange each time the agent attaches.
type Speaks struct {
	Program string   `json:"program,omitempty"` // its Version
	Control Versions `json:"control"`           // the JSON API
	Wire    Versions `json:"wire"`              // the data plane
}

// mostWire is the newest version of the wire that a program speaks which is built for tests as that of another
// release (-ldflags "-X github.com/groupcast/groupcast.mostWire=1"). It is empty in all others.
var mostWire string

// Spoken returns the versions that this program speaks.
func Spoken() Speaks {
	s := Speaks{
		Program: Version,
		Control: Versions{ControlVersion, ControlVersion}, Wire: Versions{protocol.Version, protocol.PagedVersion},
	}
	if len(mostWire) == 1 {
		s.Wire.Most = int(mostWire[0] - '0')
	}
	return s
}

// Fit says whether another program's versions fit one's own.
type Fit int

// The values of Fit.
const (
	Fits   Fit = iota // both have versions in common
	TooOld            // the other one has no version that is new enough
	TooNew            // the other one has no version that is old enough
)

// Judge compares what another program speaks with s.
func (s Speaks) Judge(other Speaks) Fit {
	if fit := s.Control.judge(other.Control); fit != Fits {
		return fit
	}
	return s.Wire.judge(other.Wire)
}

func (v Versions) judge(other Versions) Fit {
	v, other = v.orFirst(), other.orFirst()
	switch {
	case other.Most < v.Least:
		return TooOld
	case other.Least > v.Most:
		return TooNew
	}
	return Fits
}

func (v Versions) orFirst() Versions {
	if v == (Versions{}) {
		return Versions{1, 1}
	}
	return v
}

// Named names the program for people.
func (s Speaks) Named() string {
	if s.Program == "" {
		return "groupcast of an earlier release"
	}
	return "groupcast " + s.Program
}
