package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/httpapi"
	"github.com/groupcast/groupcast/internal/web"
)

// firstLinkFile has the one-time link until there is an administrator.
const firstLinkFile = "first-admin-link"

// FirstLinks are the one-time links by which the first administrator is made.
type FirstLinks struct {
	Here      string // for a browser on this machine; empty where the web interface is not built in
	Elsewhere string
}

// OfferFirstAdmin opens the page that makes the first administrator; offered is false where there
// is one already and reset is not asked for. What an earlier start offered is of no use any more.
func (s *Server) OfferFirstAdmin(ctx context.Context, reset bool) (links FirstLinks, offered bool, err error) {
	if err := s.ForgetFirstLink(); err != nil {
		return links, false, err
	}
	token, err := s.server.OfferFirstAdmin(ctx, reset)
	if err != nil || token == "" {
		return links, false, err
	}
	if err := s.openSetUp(); err != nil {
		return links, false, err
	}
	if s.setUp != nil {
		links = FirstLinks{Here: s.setUp.Link(token), Elsewhere: s.Addresses()[0] + "/#/first/" + token}
	}
	return links, true, nil
}

// openSetUp opens the plain page on loopback that makes the first administrator.
func (s *Server) openSetUp() error {
	pages := web.Handler()
	if pages == nil {
		return nil
	}
	var err error
	s.setUp, err = httpapi.ListenSetUp(httpapi.SetUpConfig{
		Service: s.server, Root: pages, SignIn: s.Addresses()[0], Log: s.log,
	})
	if err == nil {
		s.closers = append(s.closers, func() error {
			_ = s.setUp.Close() // it is closed already if it was served
			return nil
		})
	}
	return err
}

// WriteFirstLink writes a text with the one-time links into the home, which only its owner can read, and
// returns the file's path. The file is deleted once there is an administrator.
func (s *Server) WriteFirstLink(text string) (path string, err error) {
	path = filepath.Join(s.folder, firstLinkFile)
	return path, durable.WriteFile(path, []byte(text))
}

// ForgetFirstLink removes the file of WriteFirstLink, if it is there.
func (s *Server) ForgetFirstLink() error {
	err := os.Remove(filepath.Join(s.folder, firstLinkFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove a one-time link that is of no use any more: %w", err)
	}
	return durable.SyncFolder(s.folder)
}
