package settings

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// program is a command line with a flag of every kind.
func program() (root, serve, add *cobra.Command) {
	root = &cobra.Command{Use: "groupcast"}
	root.PersistentFlags().Bool("json", false, "")
	serve = &cobra.Command{Use: "serve", Run: func(*cobra.Command, []string) {}}
	serve.Flags().String("max-rate", "auto", "")
	serve.Flags().StringArray("source", nil, "")
	serve.Flags().Int("ttl", 1, "")
	serve.Flags().Bool("yes", false, "")
	pending := &cobra.Command{Use: "pending"}
	add = &cobra.Command{Use: "add", Run: func(*cobra.Command, []string) {}}
	add.Flags().String("keep", "30d", "")
	pending.AddCommand(add)
	root.AddCommand(serve, pending)
	return root, serve, add
}

func source(t *testing.T, file string, env map[string]string) Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if file != "" {
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Source{Path: path, Env: func(name string) (string, bool) {
		text, there := env[name]
		return text, there
	}}
}

// The command line goes before the environment, that before the file, and that before the default.
func TestWhoGoesFirst(t *testing.T) {
	file := "json = true\n[serve]\nmax-rate = \"1M\"\nttl = 3\nsource = [\"/a\", \"/b\"]\n[pending.add]\nkeep = \"9d\"\n"
	env := map[string]string{"GROUPCAST_SERVE_MAX_RATE": "2M", "GROUPCAST_KEEP": "1d", "GROUPCAST_SERVE_YES": "true"}
	for _, c := range []struct {
		name string
		file string
		env  map[string]string
		args []string
		want string
	}{
		{"nothing", "", nil, nil, "auto 1 false"},
		{"the file", file, nil, nil, "1M 3 true"},
		{"the environment", file, env, nil, "2M 3 true"},
		{"the command line", file, env, []string{"--max-rate", "3M", "--ttl=4"}, "3M 4 true"},
		{"empty is nothing", file, map[string]string{"GROUPCAST_SERVE_MAX_RATE": ""}, nil, "1M 3 true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, serve, _ := program()
			if err := serve.ParseFlags(c.args); err != nil {
				t.Fatal(err)
			}
			if err := source(t, c.file, c.env).Fill(serve); err != nil {
				t.Fatal(err)
			}
			f := serve.Flags()
			got := []string{f.Lookup("max-rate").Value.String(), f.Lookup("ttl").Value.String(), f.Lookup("json").Value.String()}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%v, want %s", got, c.want)
			}
			if f.Lookup("yes").Value.String() != "false" {
				t.Error("a question was answered by the environment")
			}
			if all, err := f.GetStringArray("source"); err != nil || c.file != "" && !slices.Equal(all, []string{"/a", "/b"}) {
				t.Errorf("%v, %v", all, err)
			}
		})
	}
	_, _, add := program()
	if err := source(t, file, env).Fill(add); err != nil || add.Flag("keep").Value.String() != "9d" {
		t.Errorf("a verb's table: %v, %v", add.Flag("keep").Value, err)
	}
}

func TestWhatTheFileMayNotHold(t *testing.T) {
	for file, says := range map[string]string{
		"jsn = true\n":                       "jsn is no flag of groupcast",
		"[serve]\nmaxrate = 1\n":             "serve.maxrate is no flag of groupcast serve",
		"[sevre]\nttl = 1\n":                 "there is no command for the table [sevre]",
		"[pending]\nkeep = \"1d\"\n":         "pending.keep is no flag",
		"[serve]\nyes = true\n":              "has to be given on the command line",
		"[serve]\nttl = \"many\"\n":          "serve.ttl in",
		"[serve]\nttl = 1979-05-27\n":        "none of a flag",
		"[serve\n":                           "the settings in",
		strings.Repeat("#", maxBytes) + "\n": "larger than",
	} {
		t.Run(says, func(t *testing.T) {
			_, serve, _ := program()
			if err := source(t, file, nil).Fill(serve); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%v", err)
			}
		})
	}
	_, serve, _ := program()
	s := source(t, "", map[string]string{"GROUPCAST_SERVE_TTL": "many"})
	if err := s.Fill(serve); err == nil || !strings.Contains(err.Error(), "GROUPCAST_SERVE_TTL in the environment") {
		t.Errorf("%v", err)
	}
	if s.Must = true; s.Fill(serve) == nil {
		t.Error("a file that is named has to be there")
	}
}
