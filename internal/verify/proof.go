package verify

import (
	"errors"
	"fmt"
	"io"

	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/proof"
	"github.com/groupcast/groupcast/internal/shell"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

// Proof checks a transfer's proof against the fingerprint of the server that is trusted, and prints what it
// proves.
func Proof(s *terminal.Streams, r io.Reader, trust string) error {
	if trust == "" {
		return shell.Misused(
			errors.New("a proof needs --trust FINGERPRINT: the server's, as `groupcast serve` prints it"))
	}
	id, err := pki.ParseFingerprint(trust)
	if err != nil {
		return shell.Misused(err)
	}
	p, err := proof.Parse(r)
	if err != nil {
		return err
	}
	report, err := proof.Verify(p, id)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(report)
	}
	for _, line := range ui.Proof(report) {
		fmt.Fprintln(s.Out, line)
	}
	return nil
}
