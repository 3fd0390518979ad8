package terminal

import (
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
)

// Logger writes the log of a daemon to standard error.
func (s *Streams) Logger(verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(tint.NewTextHandler(
		s.Err,
		&tint.Options{
			Level:      level,
			TimeFormat: time.TimeOnly,
			NoColor:    !IsTerminal(s.Err) || os.Getenv("NO_COLOR") != "",
		},
	))
}
