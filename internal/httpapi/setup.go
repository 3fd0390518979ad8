package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/groupcast/groupcast"
)

// SetUp is a page for browsers on the server's own machine, over plain HTTP on a loopback port
// of its own: it makes the first administrator with the one-time token and nothing else
// (security.md C3). A browser that comes by HTTPS cannot know the server's certificate yet. The port stays
// open once the token is used or too old: whoever opens the link then is told so, and no other program of this
// machine can answer in its place.
type SetUp struct {
	listener net.Listener
	http     *http.Server
	service  groupcast.WelcomeService
	log      *slog.Logger
	signIn   string
}

// SetUpConfig says what the set-up page needs.
type SetUpConfig struct {
	Service groupcast.WelcomeService
	Root    http.Handler // the web interface's files
	SignIn  string       // where one signs in afterwards: https://HOST:PORT
	Log     *slog.Logger
}

// made is the answer after the first administrator was made. It sets no cookie.
type made struct {
	groupcast.NewAdmin
	SignIn string `json:"sign_in"`
}

// welcomed says which server this is, and where its web interface is.
type welcomed struct {
	groupcast.Welcome
	SignIn string `json:"sign_in"`
}

// ListenSetUp opens the page's port; Serve answers on it.
func ListenSetUp(cfg SetUpConfig) (*SetUp, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil { // a host without IPv4
		l, err = net.Listen("tcp6", "[::1]:0")
	}
	if err != nil {
		return nil, fmt.Errorf("open a port for the set-up page: %w", err)
	}
	s := &SetUp{listener: l, service: cfg.Service, log: cfg.Log, signIn: cfg.SignIn}
	mux := http.NewServeMux()
	mux.Handle("/", cfg.Root)
	mux.HandleFunc("GET "+prefix+"/welcome", s.welcome)
	mux.HandleFunc("POST "+prefix+"/setup", s.setUp)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w,
			problem(groupcast.Errorf(groupcast.ENotFound, "this page makes the first administrator and nothing else").
				WithHint("sign in at %s", cfg.SignIn)))
	})
	csrf := http.NewCrossOriginProtection()
	csrf.SetDenyHandler(http.HandlerFunc(crossOrigin))
	s.http = &http.Server{
		Handler:           dressed(cfg.Log, s.ownHost(csrf.Handler(mux))),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, WriteTimeout: writeStall, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Link is the address of the page. The token is in the fragment, which browsers do not send and
// servers do not log.
func (s *SetUp) Link(token string) string { return "http://" + s.host() + "/#/first/" + token }

func (s *SetUp) host() string { return s.listener.Addr().String() }

// ownHost refuses other host names: one that resolves to loopback is DNS rebinding.
func (s *SetUp) ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != s.host() {
			writeProblem(w, &Problem{
				Title:  http.StatusText(http.StatusMisdirectedRequest),
				Status: http.StatusMisdirectedRequest, Code: groupcast.EInvalid,
				Detail: "this page has another name", Hint: "open the link exactly as the server printed it",
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Serve answers until ctx ends.
func (s *SetUp) Serve(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- s.http.Serve(s.listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve the set-up page: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	err := s.http.Shutdown(stop) // lets the last answer out
	<-ended
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	return err
}

// Close closes the port of a page that was never served.
func (s *SetUp) Close() error { return s.listener.Close() }

func (s *SetUp) setUp(w http.ResponseWriter, r *http.Request) {
	if p := wrongType(r, false); p != nil {
		writeProblem(w, p)
		return
	}
	var f groupcast.FirstAdmin
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLogin))
	if err != nil {
		writeProblem(w, bodyProblem(err, maxLogin))
		return
	}
	if json.Unmarshal(body, &f) != nil {
		writeProblem(w, problem(groupcast.Errorf(groupcast.EInvalid, "the body is not what was expected")))
		return
	}
	u, err := s.service.FirstAdmin(r.Context(), remoteAddr(r), f)
	if err != nil {
		a := &api{log: s.log}
		writeProblem(w, a.answer(r.Context(), err))
		return
	}
	writeJSON(w, made{u, s.signIn})
}

func (s *SetUp) welcome(w http.ResponseWriter, r *http.Request) {
	is, err := s.service.Welcome(r.Context())
	if err != nil {
		a := &api{log: s.log}
		writeProblem(w, a.answer(r.Context(), err))
		return
	}
	writeJSON(w, welcomed{is, s.signIn})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // an error means that the browser is gone
}
