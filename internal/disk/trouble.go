package disk

import "github.com/groupcast/groupcast"

// Words for the two ways in which the server's disk fails it. Both pass without a restart.
const (
	full     = "the server's disk is full"
	readOnly = "the server's disk is read-only"
	makeRoom = "make room on it: it goes on by itself then"
	remount  = "mount it for writing: it goes on by itself then"
)

// Full is the error for a disk that cannot take another byte.
func Full(cause error) *groupcast.Error {
	return groupcast.Errorf(groupcast.EUnavailable, full).WithHint(makeRoom).Wrap(cause)
}

// ReadOnly is the error for a disk that takes no change at all.
func ReadOnly(cause error) *groupcast.Error {
	return groupcast.Errorf(groupcast.EUnavailable, readOnly).WithHint(remount).Wrap(cause)
}

// Trouble puts an error of the operating system into words if it is about the server's disk as
// a whole; nil for any other.
func Trouble(err error) *groupcast.Error {
	switch {
	case isFull(err):
		return Full(err)
	case isReadOnly(err):
		return ReadOnly(err)
	}
	return nil
}

// InWords explains an error that is about the server's disk as a whole, unless it is explained already.
// It returns any other error as it is.
func InWords(err error) error {
	if t := Trouble(err); t != nil && groupcast.ErrorCode(err) == groupcast.EInternal {
		return t
	}
	return err
}
