package manifest

import (
	"errors"
	"fmt"
)

// ErrOther says that bytes are not the manifest that the offer names: they were changed or cut off in
// transit, and fetching them again may help.
var ErrOther = errors.New("this is not the manifest that the offer names")

// Fault says that a manifest is the one that the offer names, and cannot be accepted: no device will
// ever take it, however often it is fetched.
type Fault struct {
	Code FaultCode
	Err  error // what exactly
}

// FaultCode says as a code what is wrong with a manifest.
type FaultCode string

// The codes.
const (
	FaultEncoding FaultCode = "encoding" // it does not begin as a manifest does, or has another length than it says
	FaultLarge    FaultCode = "large"    // more files or blocks than there may be, or fit into its bytes
	FaultEnds     FaultCode = "ends"     // it ends within an entry
	FaultEntry    FaultCode = "entry"    // an entry breaks a rule: its path, kind, mode, target or place in the order
	FaultSize     FaultCode = "size"     // sizes of files that do not add up, or are more than there can be
	FaultBlocks   FaultCode = "blocks"   // the blocks do not cover the files as they must
	FaultOffer    FaultCode = "offer"    // it promises something else than the offer
)

func (f *Fault) Error() string { return f.Err.Error() }

// Unwrap gives what exactly is wrong.
func (f *Fault) Unwrap() error { return f.Err }

func fault(code FaultCode, format string, args ...any) error {
	return &Fault{Code: code, Err: fmt.Errorf(format, args...)}
}

// faulty gives an error a code, unless it has one.
func faulty(code FaultCode, err error) error {
	var known *Fault
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &Fault{Code: code, Err: err}
}
