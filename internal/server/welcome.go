package server

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
)

const (
	maxServerName     = 60            // characters
	settingServerName = "server_name" // what an administrator called the server; empty: as its machine
)

// checkServerName refuses what cannot be shown in one line. Empty is no name.
func checkServerName(name string) error {
	if strings.TrimSpace(name) != name || utf8.RuneCountInString(name) > maxServerName ||
		!utf8.ValidString(name) || strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
		return groupcast.Errorf(groupcast.EInvalid, "%.100q cannot be the name of the server", name).
			WithHint("use up to %d letters, digits, signs and spaces, none at the beginning or end", maxServerName)
	}
	return nil
}

// Name is what the server is called: what an administrator called it, else the host name of its machine.
func (s *Server) Name(ctx context.Context) (string, error) {
	name, err := s.store.Setting(ctx, settingServerName)
	if groupcast.ErrorCode(err) == groupcast.ENotFound || err == nil && name == "" {
		return s.cfg.Machine, nil
	}
	return name, err
}

func (s *Server) rename(ctx context.Context, p groupcast.Principal, name string) error {
	if err := s.store.SetSetting(ctx, settingServerName, name); err != nil {
		return err
	}
	s.audit(ctx, p, "server.name", name, "")
	s.events.Publish(groupcast.Event{Kind: groupcast.EventUser, Text: "the server has another name"})
	return nil
}

// ChangeServer changes what the server is called.
func (s *Server) ChangeServer(
	ctx context.Context, p groupcast.Principal, c groupcast.ServerChange,
) (groupcast.ServerStatus, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.ServerStatus{}, err
	}
	if c.Name != nil {
		if err := checkServerName(*c.Name); err != nil {
			return groupcast.ServerStatus{}, err
		}
		if err := s.rename(ctx, p, *c.Name); err != nil {
			return groupcast.ServerStatus{}, err
		}
	}
	return s.ServerStatus(ctx, p)
}

// Welcome says which server this is.
func (s *Server) Welcome(ctx context.Context) (groupcast.Welcome, error) {
	called, err := s.Name(ctx)
	w := groupcast.Welcome{Name: called, ServerID: s.id, SetUp: s.first.Out(s.now())}
	if s.cfg.Certificate != nil {
		w.Certificate = s.cfg.Certificate().String()
	}
	return w, err
}

// entry is the ticket by which the browser that made the first administrator is signed in.
type entry struct {
	ticket auth.OneTime
	mu     sync.Mutex
	user   string // by ID
}

func (e *entry) draw(u groupcast.User, now time.Time) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.user = u.ID
	return e.ticket.Draw(now.Add(groupcast.TicketLife))
}

// use gives whom a ticket is for. It is spent with that.
func (e *entry) use(ticket string, now time.Time) (user string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.user, e.ticket.Use(ticket, now, func() error { return nil })
}

var errTicket = groupcast.Errorf(groupcast.EUnauthorized,
	"this ticket was used, or is older than %d minutes", int(groupcast.TicketLife.Minutes())).
	WithHint("sign in with the login ID and the password").WithNext(groupcast.Next{Step: groupcast.StepLogin})

// EnterWeb signs the first administrator's browser in (C3).
func (s *Server) EnterWeb(ctx context.Context, from, ticket string) (string, groupcast.Me, error) {
	id, err := s.entry.use(ticket, s.now())
	if errors.Is(err, auth.ErrWrongToken) {
		s.record.Refused(ctx, "admin.enter.refused", "", from)
	}
	if err != nil {
		return "", groupcast.Me{}, errTicket
	}
	u, err := s.store.UserByID(ctx, id)
	if err != nil || u.Disabled {
		return "", groupcast.Me{}, errTicket
	}
	return s.enter(ctx, from, u)
}
