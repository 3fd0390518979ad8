package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/listen"
	"github.com/groupcast/groupcast/internal/nodes"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/standby"
	"github.com/groupcast/groupcast/internal/store/postgres"
	"github.com/groupcast/groupcast/internal/tenure"
)

// nodeFile has what tells this home from the other servers of its database. Keys are copied to those, this is not.
const nodeFile = "node"

// nodeID is the ID of a home among the servers of a database.
func nodeID(dir string) (string, error) {
	path := filepath.Join(dir, nodeFile)
	text, err := os.ReadFile(path)
	if id := strings.TrimSpace(string(text)); err == nil && id != "" {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	id := rand.Text()
	return id, durable.WriteFile(path, []byte(id+"\n"))
}

// NodeFlags adds the flags of a server that shares its database with others.
func (o *Options) NodeFlags(add func(p *string, name, value, usage string)) {
	add(&o.Node, "node", "", "name among the servers that share its database: it stands by while another is active")
	add(&o.Advertise, "advertise", "", "HOST:PORT where the other servers of its database and receivers reach it")
}

// CheckNode says what is wrong with --node and --advertise, before anything is opened.
func (o *Options) CheckNode() error {
	if o.Node == "" && o.Advertise == "" {
		return nil
	}
	if !postgres.IsAddress(o.Database) {
		return groupcast.Errorf(groupcast.EInvalid, "--node is for servers that share a PostgreSQL database").
			WithHint("name it with --database; a file has one server")
	}
	if o.Node == "" || o.Advertise == "" {
		return groupcast.Errorf(groupcast.EInvalid, "--node and --advertise belong together").
			WithHint("--node NAME is how this server is called among those of its database, and --advertise ADDRESS is where " +
				"the others and all receivers reach it: --node a --advertise 10.0.0.1:7440")
	}
	if o.Content != "" {
		return groupcast.Errorf(groupcast.EInvalid, "--content is not for servers that take over from one another").
			WithHint("what says which bytes of a bucket are whose lies in the home of one server, and the next one would " +
				"delete them: keep the folders content and uploads where all of the servers find them")
	}
	host, port, err := net.SplitHostPort(o.Advertise)
	if err != nil || host == "" || port == "" || strings.ContainsAny(o.Advertise, "/@ ") {
		return groupcast.Errorf(groupcast.EInvalid, "--advertise %q is not an address with a port", o.Advertise).
			WithHint("write it as HOST:PORT, for example 10.0.0.1:7440").Wrap(err)
	}
	return nil
}

// member is this server among those of its database.
type member struct {
	*postgres.Member
	named bool   // it stands by while another is active
	epoch uint64 // in which it is the active one
}

func (o *Options) join(ctx context.Context, dir string, at postgres.Address) (*member, error) {
	id, err := nodeID(dir)
	if err != nil {
		return nil, err
	}
	self := nodes.Self{ID: id, Name: o.Node, Address: o.Advertise, Version: groupcast.Version}
	if self.Name == "" {
		self.Name, _ = os.Hostname() // for people: without one they see the address of the database
	}
	m, err := postgres.Join(ctx, at, self)
	if err != nil {
		return nil, err
	}
	return &member{Member: m, named: o.Node != ""}, nil
}

// standBy answers for this server until it is the active one.
func (m *member) standBy(ctx context.Context, o Options, keys *pki.Authority, log *slog.Logger) error {
	if s, _ := m.Status(); s.State == tenure.Active {
		return nil
	}
	if !m.named {
		return m.succeed(ctx)
	}
	tcp, err := listen.Port(o.Listen)
	if err != nil {
		return err
	}
	udp, err := net.ListenPacket("udp", o.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("open the feedback port: %w", err), tcp.Close())
	}
	serving, stop := context.WithCancel(ctx)
	defer stop()
	where := new(whereActive)
	go where.follow(serving, m)
	log.Info("standing by: another server of this database is the active one", "node", o.Node)
	served := make(chan error, 1)
	go func() {
		served <- standby.Serve(serving, standby.Config{
			TCP: tcp, UDP: udp, TLS: keys.ServerTLS(), Internal: pki.IsInternal, Active: where.address, Log: log,
		})
	}()
	err = m.Await(ctx)
	stop()
	if err = errors.Join(err, <-served); err == nil {
		log.Info("this server takes over: it is the active one", "node", o.Node)
	}
	return err
}

// turn waits until this server is the active one.
func (s *Server) turn(ctx context.Context, o Options, at postgres.Address) (*member, error) {
	m, err := o.join(ctx, s.folder, at)
	if err != nil {
		return nil, err
	}
	if err := m.standBy(ctx, o, s.authority, s.log); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// succeed waits for the place of an earlier process of this server. Of another one's place its store says so.
func (m *member) succeed(ctx context.Context) error {
	waits, cancel := context.WithTimeout(ctx, tenure.Own+2*tenure.Again)
	defer cancel()
	if m.Succeeds() {
		_ = m.Await(waits)
	}
	return ctx.Err()
}

// whereActive follows where the active server is.
type whereActive struct{ at atomic.Pointer[string] }

const followEvery = time.Second

func (w *whereActive) follow(ctx context.Context, m *member) {
	for {
		asked, cancel := context.WithTimeout(ctx, patience)
		all, err := m.Nodes(asked)
		cancel()
		at := ""
		if len(all) > 0 && all[0].Active && all[0].Seen < tenure.Wait {
			at = all[0].Address
		}
		if err == nil || ctx.Err() == nil && w.at.Load() == nil {
			w.at.Store(&at)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(followEvery):
		}
	}
}

func (w *whereActive) address() string {
	if at := w.at.Load(); at != nil {
		return *at
	}
	return ""
}

// ready says why this server answers nothing at present.
func (m *member) ready() error {
	if m == nil {
		return nil
	}
	switch s, _ := m.Status(); s.State {
	case tenure.Active:
		return nil
	case tenure.Standby:
	case tenure.Paused:
		since := ""
		if !s.Away.IsZero() {
			since = " since " + s.Away.Format(time.TimeOnly)
		}
		return groupcast.Errorf(groupcast.EUnavailable, "the database does not answer%s: nothing is lost, and the "+
			"server goes on by itself when it does", since).Wrap(s.Failed)
	}
	return nodes.Taken("")
}

// ErrReplaced says that another server of the database has taken over.
var ErrReplaced = errors.New("another server has taken over")

// replaced waits until another server has taken over.
func (m *member) replaced(ctx context.Context) error {
	err := m.Replaced(ctx, m.epoch)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // it is not replaced: it ends
	}
	return fmt.Errorf("%w: %w", ErrReplaced, err)
}

// Serve serves until ctx ends or a part fails. announce is told when the server answers. One with a name stands by
// again when another has taken over.
func Serve(
	ctx context.Context, h home.Home, o Options, again <-chan os.Signal, log *slog.Logger, announce func(*Server) error,
) error {
	for {
		err := serveOnce(ctx, h, o, again, log, announce)
		if o.Node == "" || !errors.Is(err, ErrReplaced) {
			return err
		}
		log.Warn("another server of this database has taken over", "err", err)
	}
}

func serveOnce(
	ctx context.Context, h home.Home, o Options, again <-chan os.Signal, log *slog.Logger, announce func(*Server) error,
) (err error) {
	s, err := Open(ctx, h, o, log)
	if err != nil && ctx.Err() != nil {
		return nil //nolint:nilerr // it stood by, and was asked to stop
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := announce(s); err != nil {
		return err
	}
	return s.Run(ctx, again)
}
