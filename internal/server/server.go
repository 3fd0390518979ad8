package server

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auditlog"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/bandwidth"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/delivery"
	"github.com/groupcast/groupcast/internal/mcast"
	"github.com/groupcast/groupcast/internal/ownfiles"
	"github.com/groupcast/groupcast/internal/planner"
	"github.com/groupcast/groupcast/internal/presence"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/reach"
	"github.com/groupcast/groupcast/internal/relays"
	"github.com/groupcast/groupcast/internal/schedule"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/setback"
	"github.com/groupcast/groupcast/internal/sites"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/recent"
	"github.com/groupcast/groupcast/internal/stored"
)

// Identity is the server's keys (*pki.Authority).
type Identity interface {
	ID() protocol.ServerID
	SigningKey() seal.SigningKey
	SigningChain() [][]byte
}

// Passwords hashes and verifies within its limits (*auth.Passwords).
type Passwords interface {
	Hash(ctx context.Context, pw groupcast.Password) (string, error)
	// Verify takes as long with an empty hash, and then says no. Its errors are limits.
	Verify(ctx context.Context, from, name string, pw groupcast.Password, hash string) (bool, error)
}

// Config is what a server is made of. The caller opens and closes store and endpoint.
type Config struct {
	Home        string // what nobody may send: HOME
	Dir         string // HOME/server
	Store       store.Store
	Identity    Identity
	Passwords   Passwords
	Endpoint    *sender.Endpoint
	Interface   string   // as shown
	Sources     []string // --source: folders an administrator may name over the network
	Gather      time.Duration
	GatherMax   time.Duration                // of the gather window; 0: 10 s and 60 s
	MaxRate     uint64                       // bytes a second, multicast and HTTPS together; 0: no limit
	RetrySpace  uint64                       // bytes of content kept for retries; 0: 20 GiB
	AuditKeep   time.Duration                // age of the oldest entry of the audit log in the database; 0: two years
	AuditRows   int                          // entries of it there; 0: 1,000,000
	Keeper      stored.Keeper                // where the bytes of uploads go; nil: into Dir
	Room        Room                         // on the disk of Dir; nil: as much as it takes
	About       func() groupcast.ServerAbout // what is said of the server in its status; nil: nothing
	Machine     string                       // host name: what the server is called as long as it has no other name
	Certificate func() protocol.Digest       // what a browser shows of the certificate; nil: not known
	Settled     func() error                 // called once somebody administers: the first link is of no use any more; may be nil
	Witnesses   []string                     // files that count along with the database
	Speaks      groupcast.Speaks             // what agents are told that this server speaks; zero: what this program does
	Log         *slog.Logger
	Now         func() time.Time // nil: the clock
}

// Server implements groupcast.Service.
type Server struct {
	*relays.Calls
	cfg         Config
	id          protocol.ServerID
	key         seal.SigningKey
	store       store.Store
	seen        *recent.Store // the store, with what was seen of devices and waits
	content     *content.Library
	resumed     bool // by Resume, before there are goroutines
	passwords   Passwords
	log         *slog.Logger
	now         func() time.Time
	started     time.Time
	nameKey     [32]byte
	events      *presence.Events
	agents      *presence.Agents
	delivery    *delivery.Engine
	sites       *sites.Sites
	first       auth.OneTime // for the first administrator
	entry       entry        // by which their browser comes in
	firstResets atomic.Bool  // it works though there is an administrator: --reset-admin
	challenges  *auth.Challenges
	record      *auditlog.Log
	wishes      *auth.Habits
	logins      *auth.Habits
	reach       *reach.Checker
	uses        recent.Uses
	setback     *setback.Watch
	planner     *planner.Planner

	// What tests replace.
	newSender  func(sender.Config) (delivery.Session, error)
	openSource func(context.Context, store.Transfer) (content.Blocks, error)
	newPaged   func(delivery.PagedSession) (delivery.Session, error)
	sendPlain  func(context.Context, netip.AddrPort, []byte) error
	openWatch  func() delivery.Watch // of this machine's network; nil: none
}

var (
	_ groupcast.Service = (*Server)(nil)
	_ Passwords         = (*auth.Passwords)(nil)
)

// filled puts what is usual where nothing is said.
func (cfg Config) filled() Config {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Room == nil {
		cfg.Room = anyRoom{}
	}
	return cfg
}

// New makes a server; Run starts it.
func New(cfg Config) (*Server, error) {
	cfg = cfg.filled()
	if err := sweepLeft(cfg.Dir); err != nil {
		return nil, err
	}
	lib, err := content.OpenLibrary(cfg.Dir, content.UploadLimits{
		MaxBytes: maxUploadBytes, MaxOpen: maxUploads, Room: cfg.Room, Keeper: cfg.Keeper,
	}, cfg.Room.Holds)
	if err != nil {
		return nil, err
	}
	own, err := ownfiles.Open(cfg.Home, cfg.Dir)
	if err != nil {
		return nil, err
	}
	lib.Guard(own)
	seen := recent.New(cfg.Store)
	s := &Server{
		seen: seen,
		cfg:  cfg, id: cfg.Identity.ID(), key: cfg.Identity.SigningKey(), store: seen, content: lib,
		passwords: cfg.Passwords, log: cfg.Log, now: cfg.Now, started: cfg.Now(),
		events: presence.NewEvents(watchers(), cfg.Now),
		wishes: auth.NewHabits("joins and leaves", wishEvery, wishBurst),
		logins: auth.NewHabits("logs in", loginEvery, loginBurst), challenges: auth.NewChallenges(),
	}
	rand.Read(s.nameKey[:])
	s.agents = presence.NewAgents(attaching(cfg, s.deviceLeft))
	lines := s.bandwidth()
	s.delivery = delivery.New(s.engine(lines))
	s.sites = &sites.Sites{Store: s.store, Place: s.delivery.Place, Agents: s.agents}
	s.Calls = relays.New(s.relaying(lines))
	s.planner = planner.New(s.planning())
	s.setback = s.watchSetBack(cfg)
	s.record = auditlog.New(auditlog.Config{
		Store: s.store, Folder: filepath.Join(cfg.Dir, "audit"), Keep: cfg.AuditKeep, Rows: cfg.AuditRows,
		Written: s.setback.Counted, Now: s.now, Log: s.log,
	})
	lib.PagesOf(s.pagesOf)
	s.openSource = func(_ context.Context, tr store.Transfer) (content.Blocks, error) { return lib.Open(tr.Content) }
	s.openWatch = func() delivery.Watch { return mcast.OpenWatch() }
	s.reach = reach.New(reach.Config{
		Server: s.id, Key: s.key, Store: s.store, Agents: s.agents, Log: s.log,
		Send: func(ctx context.Context, group netip.AddrPort, packet []byte) error {
			return s.sendPlain(ctx, group, packet)
		},
	})
	s.sendPlain = func(ctx context.Context, group netip.AddrPort, packet []byte) error {
		return cfg.Endpoint.SendPlain(ctx, group, packet)
	}
	s.newPaged = func(p delivery.PagedSession) (delivery.Session, error) {
		return sender.NewPaged(sender.PagedConfig{
			Endpoint: cfg.Endpoint, Key: p.Key, Terms: p.Terms, Source: p.Source, Rate: p.Rate, OnEvent: p.OnEvent,
		})
	}
	s.newSender = func(c sender.Config) (delivery.Session, error) {
		c.Endpoint = cfg.Endpoint
		return sender.New(c)
	}
	return s, nil
}

// engine is what the server's deliveries are made of.
func (s *Server) engine(lines *bandwidth.Lines) delivery.Config {
	c := delivery.Config{
		Server: s.id, Key: s.key, Store: s.store, Content: s.content, Agents: s.agents, Screens: s.events,
		Lines: lines, Slots: presence.NewCatchUpSlots(catchUps(), maxDeviceStreams), Timing: timingOf(s.cfg),
		RetrySpace: s.cfg.RetrySpace, Log: s.log, Now: s.now,
		OpenOffer: s.openOffer,
		Audit:     s.auditOwn,
	}
	// Tests replace these after New.
	c.NewSender = func(c sender.Config) (delivery.Session, error) { return s.newSender(c) }
	c.OpenSource = func(ctx context.Context, tr store.Transfer) (content.Blocks, error) { return s.openSource(ctx, tr) }
	c.NewPaged = func(p delivery.PagedSession) (delivery.Session, error) { return s.newPaged(p) }
	c.OpenPaged = s.openPagedSource
	c.SendPlain = func(ctx context.Context, to netip.AddrPort, packet []byte) error { return s.sendPlain(ctx, to, packet) }
	c.OpenWatch = func() delivery.Watch {
		if s.openWatch == nil {
			return nil
		}
		return s.openWatch()
	}
	return c
}

func (s *Server) relaying(lines *bandwidth.Lines) relays.Config {
	return relays.Config{
		Store: s.store, Server: s.id, Key: s.key, Signing: s.cfg.Identity.SigningChain, Open: s.delivery.OpenFetch,
		Lines: lines, CheckName: checkName, Audit: s.audit, About: s.cfg.About, Publish: s.events.Publish, Now: s.now,
		Log: s.log,
	}
}

// bandwidth is what all sessions and downloads may use together.
func (s *Server) bandwidth() *bandwidth.Lines {
	return bandwidth.New(s.now, s.cfg.MaxRate, func(bytesPerSec uint64) {
		if s.cfg.Endpoint != nil {
			s.cfg.Endpoint.SetMaxRate(bytesPerSec)
		}
	})
}

func timingOf(cfg Config) schedule.Timing {
	t := schedule.DefaultTiming()
	if cfg.Gather > 0 {
		t.Gather = cfg.Gather
	}
	if cfg.GatherMax > 0 {
		t.GatherMax = cfg.GatherMax
	}
	return t
}

const (
	maintainEvery = time.Minute
	seenEvery     = 15 * time.Minute // what was seen of devices goes to the store, in one transaction
)

// Run resumes open transfers, delivers what is pending and does regular maintenance until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	if err := s.Resume(ctx); err != nil {
		return err
	}
	var all sync.WaitGroup
	all.Go(func() { s.delivery.Run(ctx) })
	all.Go(func() { s.maintain(ctx) })
	all.Go(func() { s.watchRoom(ctx) })
	<-ctx.Done()
	s.agents.Close()
	s.events.Close()
	all.Wait()
	s.flushUses(context.WithoutCancel(ctx), nil)
	s.flushSeen(context.WithoutCancel(ctx))
	s.record.Close(context.WithoutCancel(ctx))
	s.setback.Counted(context.WithoutCancel(ctx))
	return errors.Join(s.setback.Close(), s.content.Uploads.Close())
}

// Resume resumes open transfers. Calls are answered only after it, because their answers depend on it.
// Run does it if it was not called.
func (s *Server) Resume(ctx context.Context) error {
	if s.resumed {
		return nil
	}
	s.resumed = true
	if err := s.finishRestore(ctx); err != nil {
		return err
	}
	if err := s.setback.Begin(ctx); err != nil {
		return err
	}
	return s.delivery.Resume(ctx)
}

func (s *Server) maintain(ctx context.Context) {
	tick := time.NewTicker(maintainEvery)
	defer tick.Stop()
	seen := s.now()
	for {
		s.delivery.Sweep(ctx)
		if err := s.content.SweepUploads(s.now()); err != nil {
			s.log.Warn("old uploads could not be removed", "err", err)
		}
		s.flushUses(ctx, s.agents.Has)
		if now := s.now(); now.Sub(seen) >= seenEvery {
			s.flushSeen(ctx)
			seen = now
		}
		s.record.Tidy(ctx)
		s.setback.Counted(ctx) // of what pruning left, too
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// flushSeen writes what was seen of devices.
func (s *Server) flushSeen(ctx context.Context) {
	if err := s.seen.Flush(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("what was seen of devices could not be noted", "err", err)
	}
}

// hash hashes a new password if it may be one.
func (s *Server) hash(ctx context.Context, pw groupcast.Password) (store.Hash, error) {
	if err := auth.CheckNew(pw); err != nil {
		return "", err
	}
	h, err := s.passwords.Hash(ctx, pw)
	return store.Hash(h), err
}

// noteDevice writes what is known of a device. It is not worth failing a request for.
func (s *Server) noteDevice(ctx context.Context, d groupcast.Device) {
	if err := s.store.UpdateDevices(ctx, []groupcast.Device{d}); err != nil && !errors.Is(err, context.Canceled) {
		s.log.Error("a device could not be noted", "device", d.ID, "err", err)
	}
}

// Events subscribes an administrator to everything that changes. Users may subscribe,
// too: package httpapi filters the events for them.
func (s *Server) Events(_ context.Context, p groupcast.Principal) (groupcast.EventStream, error) {
	if !p.Admin() {
		if err := mustUser(p); err != nil {
			return nil, err
		}
	}
	return s.events.Subscribe(p)
}

// Audit lists the newest entries first.
func (s *Server) Audit(
	ctx context.Context, p groupcast.Principal, q groupcast.AuditQuery,
) (groupcast.Page[groupcast.AuditEntry], error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Page[groupcast.AuditEntry]{}, err
	}
	f := store.AuditFilter{
		Limit: q.Limit, Before: q.Before, Actor: q.Actor, Action: q.Action, Object: q.Object, Since: q.Since, Until: q.Until,
	}
	rows, err := s.store.Audit(ctx, f)
	if err != nil {
		return groupcast.Page[groupcast.AuditEntry]{}, err
	}
	total, err := s.store.CountAudit(ctx, f)
	return groupcast.Page[groupcast.AuditEntry]{Rows: rows, Total: total}, err
}
