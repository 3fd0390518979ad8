package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/groupcast/groupcast"
)

// maxSecretLine bounds a line of standard input that holds a secret.
const maxSecretLine = 4096

// Password reads a password: from standard input with --password-stdin, else from the
// terminal without showing it. Never from a flag or the environment (security.md G1).
func (s *Streams) Password(fromStdin bool, prompt string) (groupcast.Password, error) {
	if fromStdin {
		line, err := readLine(s.In)
		return groupcast.Password(line), err
	}
	f, ok := s.In.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", groupcast.Errorf(groupcast.EInvalid, "there is no terminal to ask for a password").
			WithHint("pipe it in: … --password-stdin < FILE")
	}
	fmt.Fprint(s.Err, prompt+": ")
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(s.Err)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return groupcast.Password(b), nil
}

// NewPassword asks twice.
func (s *Streams) NewPassword(fromStdin bool, whose string) (groupcast.Password, error) {
	first, err := s.Password(fromStdin, "New password for "+whose)
	if err != nil || fromStdin {
		return first, err
	}
	again, err := s.Password(false, "The same again")
	if err == nil && again != first {
		err = groupcast.Errorf(groupcast.EInvalid, "the two passwords differ").WithHint("try again")
	}
	return first, err
}

// Ask reads a line from the terminal.
func (s *Streams) Ask(prompt string) (string, error) {
	fmt.Fprint(s.Err, prompt+": ")
	return readLine(s.In)
}

// readLine reads one line and not a byte more, so that a second secret can follow.
func readLine(r io.Reader) (string, error) {
	var b strings.Builder
	one := make([]byte, 1)
	for b.Len() < maxSecretLine {
		n, err := r.Read(one)
		if n == 1 && one[0] == '\n' {
			break
		}
		if n == 1 {
			b.WriteByte(one[0])
		}
		if err == io.EOF && b.Len() > 0 {
			break
		}
		if err != nil {
			return "", groupcast.Errorf(groupcast.EInvalid, "nothing was typed").Wrap(err)
		}
	}
	return strings.TrimSuffix(b.String(), "\r"), nil
}
