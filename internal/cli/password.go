package cli

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

// password reads a password: from standard input with --password-stdin, else from the
// terminal without showing it. Never from a flag or the environment (security.md G1).
func (a *app) password(fromStdin bool, prompt string) (groupcast.Password, error) {
	if fromStdin {
		line, err := readLine(a.in)
		return groupcast.Password(line), err
	}
	f, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", groupcast.Errorf(groupcast.EInvalid, "there is no terminal to ask for a password").
			WithHint("pipe it in: … --password-stdin < FILE")
	}
	fmt.Fprint(a.err, prompt+": ")
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(a.err)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return groupcast.Password(b), nil
}

// newPassword asks twice.
func (a *app) newPassword(fromStdin bool, whose string) (groupcast.Password, error) {
	first, err := a.password(fromStdin, "New password for "+whose)
	if err != nil || fromStdin {
		return first, err
	}
	again, err := a.password(false, "The same again")
	if err == nil && again != first {
		err = groupcast.Errorf(groupcast.EInvalid, "the two passwords differ").WithHint("try again")
	}
	return first, err
}

// ask reads a line from the terminal.
func (a *app) ask(prompt string) (string, error) {
	fmt.Fprint(a.err, prompt+": ")
	return readLine(a.in)
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
