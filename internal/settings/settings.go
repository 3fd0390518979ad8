// Package settings gives a command's flags their values where the command line gives none: from the
// environment, else from a file, else they keep their defaults.
package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// maxBytes bounds the file.
const maxBytes = 1 << 20

// onlyTyped are flags that have to be given each time: they answer a question, or say where the
// rest comes from.
var onlyTyped = []string{
	"yes", "force", "confirm", "adopt", "new-database", "reset-admin", "help", "version", "config", "password-stdin",
}

// Source is where values come from.
type Source struct {
	Env  func(name string) (string, bool) // os.LookupEnv
	Path string                           // of the file
	Must bool                             // the file has to be there
}

// Fill sets the flags of a command that the command line did not set. What is in the file and is no
// flag of any command is an error: it would be without effect.
func (s Source) Fill(c *cobra.Command) error {
	file, err := s.read(c.Root())
	if err != nil {
		return err
	}
	var failed []error
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || slices.Contains(onlyTyped, f.Name) {
			return
		}
		if err := s.fill(c, f, file); err != nil {
			failed = append(failed, err)
		}
	})
	return errors.Join(failed...)
}

func (s Source) fill(c *cobra.Command, f *pflag.Flag, file map[string]any) error {
	name := Variable(c, f)
	if text, there := s.Env(name); there && text != "" {
		if err := c.Flags().Set(f.Name, text); err != nil {
			return fmt.Errorf("%s in the environment: %w", name, err)
		}
		return nil
	}
	value, there := lookUp(file, append(section(c, f), f.Name))
	if !there {
		return nil
	}
	texts, err := texts(value)
	for _, text := range texts {
		err = errors.Join(err, c.Flags().Set(f.Name, text))
	}
	if err != nil {
		return fmt.Errorf("%s in %s: %w", strings.Join(append(section(c, f), f.Name), "."), s.Path, err)
	}
	return nil
}

// Variable is the name of a flag in the environment: GROUPCAST_SERVE_MAX_RATE for that of one
// command, GROUPCAST_JSON for one that all have.
func Variable(c *cobra.Command, f *pflag.Flag) string {
	words := append([]string{c.Root().Name()}, append(section(c, f), f.Name)...)
	return strings.ToUpper(strings.ReplaceAll(strings.Join(words, "_"), "-", "_"))
}

// section is where a flag stands in the file: in the table of its command, or above all tables if
// every command has it.
func section(c *cobra.Command, f *pflag.Flag) []string {
	if c.Root().PersistentFlags().Lookup(f.Name) == f {
		return nil
	}
	return strings.Fields(c.CommandPath())[1:]
}

// read reads the file.
func (s Source) read(root *cobra.Command) (map[string]any, error) {
	if s.Path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(s.Path)
	if errors.Is(err, fs.ErrNotExist) && !s.Must {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the settings cannot be read: %w", err)
	}
	if len(text) > maxBytes {
		return nil, fmt.Errorf("the settings in %s are larger than %d KiB", s.Path, maxBytes>>10)
	}
	var file map[string]any
	if err := toml.NewDecoder(bytes.NewReader(text)).Decode(&file); err != nil {
		return nil, fmt.Errorf("the settings in %s: %w", s.Path, err)
	}
	if err := known(root, file, nil); err != nil {
		return nil, fmt.Errorf("the settings in %s: %w", s.Path, err)
	}
	return file, nil
}

// known checks that every key is a flag of its command.
func known(c *cobra.Command, table map[string]any, at []string) error {
	for key, value := range table {
		path := strings.Join(append(at, key), ".")
		if inner, ok := value.(map[string]any); ok {
			sub, _, err := c.Find([]string{key})
			if err != nil || sub == c {
				return fmt.Errorf("there is no command for the table [%s]", path)
			}
			if err := known(sub, inner, append(slices.Clone(at), key)); err != nil {
				return err
			}
			continue
		}
		f := c.LocalFlags().Lookup(key)
		switch {
		case f == nil:
			return fmt.Errorf("%s is no flag of %s", path, c.CommandPath())
		case slices.Contains(onlyTyped, key):
			return fmt.Errorf("%s has to be given on the command line each time", path)
		}
	}
	return nil
}

func lookUp(table map[string]any, path []string) (any, bool) {
	value, there := table[path[0]]
	if !there || len(path) == 1 {
		return value, there
	}
	inner, ok := value.(map[string]any)
	if !ok {
		return nil, false
	}
	return lookUp(inner, path[1:])
}

// texts writes a value as a flag takes it: a list as several.
func texts(value any) ([]string, error) {
	switch value := value.(type) {
	case []any:
		var all []string
		for _, one := range value {
			inner, err := texts(one)
			if err != nil {
				return nil, err
			}
			all = append(all, inner...)
		}
		return all, nil
	case string, bool, int64, float64:
		return []string{fmt.Sprint(value)}, nil
	}
	return nil, fmt.Errorf("a value of this kind (%T) is none of a flag", value)
}
