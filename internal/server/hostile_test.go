package server

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/door"
	"github.com/groupcast/groupcast/internal/httpapi"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/sqlite"
)

var (
	apiSeed = flag.Uint64("apiseed", 1, "the first seed of TestHostileRequests")
	apiFor  = flag.Duration("apifor", 0, "how long TestHostileRequests goes on with further seeds")
	apiEach = flag.Int("apieach", 2, "requests of each role to each operation; four times as many where it may use it")
)

const (
	streamLook   = 30 * time.Millisecond // how long an event stream is listened to
	slowestReply = 8 * time.Second       // on a busy machine; `check` waits 2 s for devices that say nothing
	secretFile   = "plan-nobody-else-may-see"
)

// TestHostileRequests asks a real server, over HTTPS, for every operation of its OpenAPI document
// in every role, with bodies, paths, queries and headers that are right, nearly right and hostile.
// Whatever comes: no error inside the server, no panic, no secret and no path of the machine in
// an answer, nothing for those whom the document excludes, and an answer in time.
func TestHostileRequests(t *testing.T) {
	end := time.Now().Add(*apiFor)
	for seed := *apiSeed; ; seed++ {
		if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { hostileRound(t, seed) }) || !time.Now().Before(end) {
			return
		}
	}
}

func hostileRound(t *testing.T, seed uint64) {
	h := openHouse(t, seed)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, op := range h.operations() {
		h.look()
		for _, who := range h.roles {
			n := *apiEach
			if slices.Contains(who.may, op.Access) {
				n *= 4 // they come further in
			}
			for range n {
				h.ask(op, who)
			}
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if after.HeapAlloc > before.HeapAlloc+64<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before.HeapAlloc, after.HeapAlloc)
	}
	t.Logf("%d requests, the slowest %v (%.200s); answers: %v",
		h.asked, h.slowest.Round(time.Millisecond), h.slowestOp, h.statuses)
}

// role is somebody who asks.
type role struct {
	name, user string
	admin      bool
	member     bool
	agent      bool
	may        []string // what the document calls the operations they may use
	token      string
	device     protocol.DeviceID
}

// house is a server with its doors, and everybody who comes.
type house struct {
	*testing.T
	*maker
	s      *Server
	dir    string
	url    string
	client *http.Client
	log    *errorLog
	roles  []*role
	given  []string // secrets that were handed out, to nobody else

	asked     int
	statuses  map[int]int
	slowest   time.Duration
	slowestOp string
}

// errorLog keeps what the server logs as an error.
type errorLog struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (l *errorLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(b)
}

func (l *errorLog) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.lines.Reset()
	return l.lines.String()
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func openHouse(t *testing.T, seed uint64) *house {
	t.Helper()
	h := &house{T: t, dir: t.TempDir(), log: &errorLog{}, statuses: map[int]int{}}
	h.maker = &maker{Rand: rand.New(rand.NewPCG(seed, 7)), known: map[string][]string{}}
	folder := filepath.Join(h.dir, "home", "server")
	files := filepath.Join(h.dir, "files")
	h.must(os.MkdirAll(folder, 0o700))
	h.must(os.MkdirAll(filepath.Join(files, "sub"), 0o755))
	for _, name := range []string{secretFile, "sub/b"} {
		h.must(os.WriteFile(filepath.Join(files, name), bytes.Repeat([]byte(name), 1000), 0o644))
	}
	authority, err := pki.Open(pki.Options{Folder: folder, Hosts: pki.LocalHosts()})
	h.must(err)
	db, err := sqlite.Open(t.Context(), filepath.Join(folder, "db.sqlite"))
	h.must(err)
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelError}))
	h.s, err = New(Config{
		Home: filepath.Dir(folder), Dir: folder, Store: db, Identity: authority,
		Passwords: fakePasswords{}, Sources: []string{files}, Log: log,
	})
	h.must(err)
	w := &world{T: t, Server: h.s, real: true}
	h.s.newSender, h.s.openWatch = w.fakeSession, nil
	h.s.sendPlain = func(context.Context, netip.AddrPort, []byte) error { return nil }
	api, err := httpapi.Listen(httpapi.Config{
		Service: h.s, Listen: "127.0.0.1:0", TLS: authority.ServerTLS(),
		Knows: authority.KnowsHost, Log: log, Limits: door.Limits{
			PerSecond: 1e6, Burst: 1e6, AllSecond: 1e6,
			PerAddress: 1e6,
		},
	})
	h.must(err)
	h.url = "https://" + api.Addr().String()
	h.run(api, db)
	h.known["paths"] = []string{files, filepath.Join(files, "sub"), filepath.Join(folder, "db.sqlite"), h.dir}
	h.people()
	return h
}

// run starts the server and its doors, and stops them at the end of the test.
func (h *house) run(api *httpapi.Server, db store.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { _ = h.s.Run(ctx) })
	all.Go(func() { _ = api.Serve(ctx) })
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true},
		MaxIdleConnsPerHost: 4, DisableCompression: true,
	}
	if h.chance(50) {
		transport.ForceAttemptHTTP2 = true
	}
	h.client = &http.Client{Transport: transport}
	h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	h.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		all.Wait()
		h.must(db.Close())
	})
}

// people makes everybody who asks; the document is read as they do.
func (h *house) people() {
	h.roles = []*role{
		{name: "nobody", may: []string{"open"}},
		{name: "member", user: "ann", member: true, may: []string{"open", "anyone", "user"}},
		{name: "stranger", user: "bob", may: []string{"open", "anyone", "user"}},
		{name: "agent", user: "ann", member: true, agent: true, may: []string{"open", "anyone", "agent"}},
		{name: "stranger's agent", user: "bob", agent: true, may: []string{"open", "anyone", "agent"}},
		{name: "administrator", user: "root", admin: true, may: []string{"open", "anyone", "user", "admin"}},
		{name: "administrator's agent", user: "root", admin: true, agent: true, may: []string{"open", "anyone", "agent"}},
	}
	res, err := h.client.Get(h.url + "/api/v1/openapi.json")
	h.must(err)
	defer res.Body.Close()
	h.doc = &apiDocument{}
	h.must(json.NewDecoder(res.Body).Decode(h.doc))
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// operations are those of the document, in an order of the seed's.
func (h *house) operations() (out []*apiOperation) {
	for _, path := range sorted(h.doc.Paths) {
		for _, method := range sorted(h.doc.Paths[path]) {
			op := h.doc.Paths[path][method]
			op.method, op.path = strings.ToUpper(method), path
			out = append(out, op)
		}
	}
	if len(out) < 60 {
		h.Fatalf("the document has only %d operations", len(out))
	}
	h.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// look makes sure that everybody and everything is there, and notes what exists.
func (h *house) look() {
	ctx := h.Context()
	if _, err := h.s.Group(ctx, local, "lab"); err != nil {
		_, err := h.s.CreateGroup(ctx, local, groupcast.NewGroup{Name: "lab"})
		h.must(err)
	}
	for _, r := range h.roles {
		if r.user != "" {
			h.restore(r)
		}
	}
	open, err := h.s.Transfers(ctx, local, groupcast.TransferFilter{Group: "lab", Open: true})
	h.must(err)
	if len(open.Rows) < 2 {
		n := groupcast.NewTransfer{Group: "lab", Paths: h.known["paths"][:1], Hold: h.chance(50)}
		_, err := h.s.AddTransfer(ctx, local, n)
		h.must(err)
	}
	h.note(open.Rows)
}

// restore undoes what administrators did to somebody.
func (h *house) restore(r *role) {
	ctx := h.Context()
	if p, err := h.s.Authenticate(ctx, "192.0.2.1", r.token); err != nil ||
		(p.User.Role == groupcast.RoleAdmin) != r.admin {
		h.login(r)
	}
	if r.member {
		_, _ = h.s.AddMember(ctx, local, "lab", r.user) // they may be in it
		return
	}
	groups, err := h.s.UserGroups(ctx, local, r.user)
	h.must(err)
	for _, g := range groups {
		if g.Membership == groupcast.MembershipMember {
			h.must(h.s.RemoveMember(ctx, local, g.Name, r.user))
		}
	}
}

func (h *house) note(transfers []groupcast.Transfer) {
	numbers := []string{"1"}
	for _, tr := range transfers {
		numbers = append(numbers, strconv.FormatUint(uint64(tr.No), 10))
	}
	var uploads, devices []string
	if list, err := h.s.UnfinishedUploads(h.Context(), local); err == nil {
		for _, u := range list {
			uploads = append(uploads, u.ID)
		}
	}
	for _, r := range h.roles {
		if r.user != "" {
			devices = append(devices, r.device.String())
		}
	}
	names := []string{"lab", "ann", "bob", "root", "lab2", "carl"}
	k := h.known
	k["no"], k["transfer"] = numbers, numbers
	k["device"], k["user"], k["group"], k["name"], k["actor"] = devices, names, names, names, names
	k["id"], k["upload"] = slices.Concat(uploads, devices), uploads
	k["path"] = []string{"a", "sub/b", secretFile, "x y"}
	k["password"], k["old"], k["new"] = []string{password, "another good one"}, []string{password}, []string{password}
	k["address"] = []string{"239.192.1.7", "239.192.1.8:9000"}
	k["size"], k["offset"] = []string{"0", "5", "100000"}, []string{"0"}
	k["first"], k["count"] = []string{"0", "1"}, []string{"1", "2"}
}

// login makes an account what a role wants it to be, and logs it in.
func (h *house) login(r *role) {
	ctx := h.Context()
	want := groupcast.RoleMember
	if r.admin {
		want = groupcast.RoleAdmin
	}
	pw, enabled := groupcast.Password(password), false
	if _, err := h.s.AddUser(ctx, local, groupcast.NewUser{Name: r.user, Role: want, Password: pw}); err != nil {
		_, err := h.s.UpdateUser(ctx, local, r.user, groupcast.UserChange{Role: &want, Password: &pw, Disabled: &enabled})
		h.must(err)
	}
	key := seal.NewSigningKey()
	in, err := h.s.Login(ctx, "192.0.2.1", groupcast.Login{
		User: r.user, Password: pw, Device: "pc", PublicKey: ed25519.PublicKey(key.Public().Bytes()),
		ControlVersion: groupcast.ControlVersion, WireVersion: protocol.Version,
	})
	h.must(err)
	r.token = in.CLIToken
	if r.agent {
		r.token = in.AgentToken
	}
	p, err := h.s.Authenticate(ctx, "192.0.2.1", r.token)
	h.must(err)
	r.device = p.Device.ID
	h.given = append(h.given, in.CLIToken, in.AgentToken)
}

// ask makes one request and judges its answer.
func (h *house) ask(op *apiOperation, who *role) {
	address := h.address(op)
	body, kind := h.body(op)
	ctx, cancel := context.WithTimeout(h.Context(), slowestReply)
	if op.ID == "events" || op.ID == "agent-events" {
		ctx, cancel = context.WithTimeout(h.Context(), streamLook)
	}
	defer cancel()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
		if h.chance(10) {
			content = io.MultiReader(content) // in chunks: its length is not known
		}
	}
	r, err := http.NewRequestWithContext(ctx, op.method, h.url+address, content)
	if err != nil {
		return // no client can send it
	}
	h.headers(func(name, value string) { r.Header.Set(name, value) })
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if who.token != "" {
		r.Header.Set("Authorization", "Bearer "+who.token)
	}
	start := time.Now()
	res, err := h.client.Do(r)
	what := fmt.Sprintf("%s as %s: %s %.200q %.300q", op.ID, who.name, op.method, address, body)
	if err != nil {
		h.noAnswer(what, ctx, err)
		return
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(res.Body, 64<<20)) // a stream ends by the context
	h.judge(op, who, what, res, answer, time.Since(start))
}

// noAnswer tells a request that the client itself refuses from a server that says nothing.
func (h *house) noAnswer(what string, ctx context.Context, err error) {
	if text := err.Error(); strings.Contains(text, "net/http: invalid header") || strings.Contains(text, "invalid URL") ||
		strings.Contains(text, "http2: invalid Upgrade") || strings.Contains(text, "http2: request header list larger") {
		return
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && strings.Contains(what, "events as") {
		return
	}
	h.Errorf("%s\nno answer: %v\n%s", what, err, h.log.take())
}

func (h *house) judge(op *apiOperation, who *role, what string, res *http.Response, answer []byte, took time.Duration) {
	h.asked++
	h.statuses[res.StatusCode]++
	if took > h.slowest {
		h.slowest, h.slowestOp = took, what
	}
	if lines := h.log.take(); lines != "" || res.StatusCode == http.StatusInternalServerError {
		h.Errorf("%s\nanswer %d %.300s\nlog: %s", what, res.StatusCode, answer, lines)
	}
	if res.StatusCode/100 == 2 && !slices.Contains(who.may, op.Access) && !h.wild {
		h.Errorf("%s\nis for %s and was answered with %d", what, op.Access, res.StatusCode)
	}
	h.keepsSecrets(op, who, what, res, answer)
	if res.StatusCode/100 < 4 || strings.HasPrefix(res.Header.Get("Content-Type"), "text/") {
		return
	}
	var p struct {
		Status             int
		Detail, Hint, Code string
	}
	if err := json.Unmarshal(answer, &p); err != nil || p.Detail == "" || p.Code == "" || p.Status != res.StatusCode {
		h.Errorf("%s\nanswer %d is no problem in words (%v): %.300q", what, res.StatusCode, err, answer)
	}
	if !utf8.Valid(answer) || len(p.Detail) > 5000 || len(p.Hint) > 5000 {
		h.Errorf("%s\nan error of %d bytes: %.300q", what, len(answer), answer)
	}
}

// keepsSecrets looks for what no answer may hold.
func (h *house) keepsSecrets(op *apiOperation, who *role, what string, res *http.Response, answer []byte) {
	if op.ID == "backup" && res.StatusCode == http.StatusOK {
		return // it is all secrets, and for administrators
	}
	hash, _ := fakePasswords{}.Hash(h.Context(), password)
	never := append([]string{
		"PRIVATE KEY", hash, filepath.Join(h.dir, "home"), ".go:", "goroutine ", "runtime error",
		"SQL logic", "constraint failed", "no such table", "groupcast.Err", hex.EncodeToString([]byte(password)),
	}, h.given...)
	if !who.admin || who.agent {
		never = append(never, h.dir)
	}
	if !who.admin && !who.member {
		never = append(never, secretFile)
	}
	text := string(answer) + fmt.Sprint(res.Header)
	for _, secret := range never {
		if strings.Contains(text, secret) && !strings.Contains(what, secret) {
			h.Errorf("%s\nanswer %d holds %q: %.500q", what, res.StatusCode, secret, text)
		}
	}
}
