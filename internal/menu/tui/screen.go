package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	tea "charm.land/bubbletea/v2"

	"github.com/groupcast/groupcast/internal/menu"
)

// Show shows the menu on a terminal until it is left. What runs then is broken off and
// waited for.
func Show(ctx context.Context, d *menu.Menu, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	var jobs sync.WaitGroup
	var program *tea.Program
	start := func(job func(context.Context, func(tea.Msg))) context.CancelFunc {
		ctx, cancel := context.WithCancel(ctx)
		jobs.Go(func() { job(ctx, program.Send) })
		return cancel
	}
	program = tea.NewProgram(newModel(d, start), tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out))
	_, err := program.Run()
	cancel()
	jobs.Wait()
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, tea.ErrProgramKilled) {
		return fmt.Errorf("show the menu: %w", err)
	}
	return nil
}
