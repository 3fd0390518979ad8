package httpapitest

import (
	"bytes"
	"context"
	"io"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Call is what a method was called with.
type Call struct {
	Method string
	By     groupcast.Principal
	Args   []any
}

// Service answers everything, to everybody.
type Service struct {
	Tokens  map[string]groupcast.Principal // whom Authenticate finds
	Content []byte                         // of every stream of bytes

	mu      sync.Mutex
	err     error
	calls   []Call
	events  *Stream[groupcast.Event]
	agents  *Stream[groupcast.AgentEvent]
	written bytes.Buffer
}

var _ groupcast.Service = (*Service)(nil)

// New makes a service with a principal for each scope and role: the token is its name.
func New() *Service {
	member := groupcast.User{ID: "u1", Name: "mia", Role: groupcast.RoleMember}
	admin := groupcast.User{ID: "u2", Name: "ada", Role: groupcast.RoleAdmin}
	device := Fill[groupcast.Device]()
	return &Service{
		Content: bytes.Repeat([]byte("groupcast "), 100_000),
		events:  NewStream[groupcast.Event](), agents: NewStream[groupcast.AgentEvent](),
		Tokens: map[string]groupcast.Principal{
			"agent":       {User: member, Device: &device, Scope: groupcast.ScopeAgent},
			"agent-admin": {User: admin, Device: &device, Scope: groupcast.ScopeAgent},
			"cli":         {User: member, Device: &device, Scope: groupcast.ScopeCLI},
			"cli-admin":   {User: admin, Device: &device, Scope: groupcast.ScopeCLI},
			"relay": {
				User: groupcast.User{ID: "relay:1", Name: "relay depot"}, Scope: groupcast.ScopeRelay,
				Relay: &groupcast.RelayRef{Name: "depot"},
			},
			"web":       {User: member, Scope: groupcast.ScopeWeb},
			"web-admin": {User: admin, Scope: groupcast.ScopeWeb},
		},
	}
}

// Fail makes every method answer err; nil ends that.
func (s *Service) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// Calls gives the calls so far and forgets them.
func (s *Service) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// Written is what WriteUpload got so far.
func (s *Service) Written() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.written.Bytes())
}

// EventStream is the stream that Events hands out.
func (s *Service) EventStream() *Stream[groupcast.Event] { return s.events }

// AgentStream is the stream that AgentEvents hands out.
func (s *Service) AgentStream() *Stream[groupcast.AgentEvent] { return s.agents }

func (s *Service) note(method string, by groupcast.Principal, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, Call{method, by, args})
	return s.err
}

func answer[T any](err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return Fill[T](), nil
}

// Authenticate finds a token in Tokens.
func (s *Service) Authenticate(_ context.Context, _, token string) (groupcast.Principal, error) {
	p, ok := s.Tokens[token]
	if !ok {
		return p, groupcast.Errorf(groupcast.EUnauthorized, "this login is over").WithHint("log in again")
	}
	return p, nil
}

// LoginWeb signs a browser in.
func (s *Service) LoginWeb(
	_ context.Context, _, user string, password groupcast.Password,
) (string, groupcast.Me, error) {
	me, err := answer[groupcast.Me](s.note("LoginWeb", groupcast.Principal{}, user, password))
	return "web", me, err
}

// EnterWeb signs a browser in.
func (s *Service) EnterWeb(_ context.Context, _, ticket string) (string, groupcast.Me, error) {
	me, err := answer[groupcast.Me](s.note("EnterWeb", groupcast.Principal{}, ticket))
	return "web", me, err
}

// WriteUpload keeps what it reads.
func (s *Service) WriteUpload(
	_ context.Context, p groupcast.Principal, id, path string, offset uint64, r io.Reader,
) (groupcast.UploadEntry, error) {
	if err := s.note("WriteUpload", p, id, path, offset); err != nil {
		return groupcast.UploadEntry{}, err
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return groupcast.UploadEntry{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written.Write(b)
	return groupcast.UploadEntry{Path: path, Offset: offset + uint64(len(b))}, nil
}

// Backup streams Content.
func (s *Service) Backup(_ context.Context, p groupcast.Principal, o groupcast.BackupOptions) (io.ReadCloser, error) {
	return s.content(s.note("Backup", p, o))
}

// Manifest streams Content.
func (s *Service) Manifest(_ context.Context, p groupcast.Principal, no protocol.TransferNo) (io.ReadCloser, error) {
	return s.content(s.note("Manifest", p, no))
}

// Blocks streams Content.
func (s *Service) Blocks(
	_ context.Context, p groupcast.Principal, no protocol.TransferNo, first protocol.BlockNumber, count uint32,
) (io.ReadCloser, error) {
	return s.content(s.note("Blocks", p, no, first, count))
}

func (s *Service) content(err error) (io.ReadCloser, error) {
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(s.Content)), nil
}

// Events hands out EventStream.
func (s *Service) Events(_ context.Context, p groupcast.Principal) (groupcast.EventStream, error) {
	return s.events, s.note("Events", p)
}

// AgentEvents hands out AgentStream.
func (s *Service) AgentEvents(
	_ context.Context, p groupcast.Principal, a groupcast.Attach,
) (groupcast.AgentStream, error) {
	return s.agents, s.note("AgentEvents", p, a)
}

// Stream is an event stream that a test feeds.
type Stream[T any] struct {
	C      chan T
	Cut    chan error    // ends the stream
	Closed chan struct{} // closed when the reader has gone
	once   sync.Once
}

// NewStream makes a stream that holds 256 events.
func NewStream[T any]() *Stream[T] {
	return &Stream[T]{C: make(chan T, 256), Cut: make(chan error, 1), Closed: make(chan struct{})}
}

// Next waits for an event.
func (s *Stream[T]) Next(ctx context.Context) (T, error) {
	var none T
	select {
	case v := <-s.C:
		return v, nil
	default:
	}
	select {
	case v := <-s.C:
		return v, nil
	case err := <-s.Cut:
		return none, err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// Close notes that the reader has gone.
func (s *Stream[T]) Close() { s.once.Do(func() { close(s.Closed) }) }
