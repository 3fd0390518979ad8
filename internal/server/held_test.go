package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/httpapi"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
)

// The walk below asks for every operation of the API's document but these: they end the login, the
// membership or the account of whoever asks, or make another one, and answer about nothing else.
var notWalked = strings.Fields("login setup sign-in logout sign-out leave revoke-device end-sign-in change-password agent-fork agent-renew")

// office is a server with its doors open.
type office struct {
	*world
	url    string
	client *http.Client
}

// caller is somebody who asks.
type caller struct {
	name  string
	token string
	agent *agent // of a device's token
	heard *heard // what its event stream said so far; nil: it has none
}

// heard is what an event stream brought.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) all() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

func openOffice(t *testing.T) *office {
	w := onWire(t)
	authority, err := pki.Open(pki.Options{Folder: t.TempDir(), Hosts: pki.LocalHosts()})
	w.must(err)
	doors, err := httpapi.Listen(httpapi.Config{
		Service: w.Server, Listen: "127.0.0.1:0", TLS: authority.ServerTLS(), Knows: func(string) bool { return true },
	})
	w.must(err)
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan error, 1)
	go func() { done <- doors.Serve(ctx) }()
	o := &office{w, "https://" + doors.Addr().String(), &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, //nolint:gosec // it is this test's own server
	}}
	t.Cleanup(func() {
		o.client.CloseIdleConnections()
		cancel()
		w.must(<-done)
	})
	return o
}

// people makes a member and a stranger, each with a device, and listens to all their streams.
func (o *office) people() (inside, outside []*caller) {
	o.group("lab")
	_, err := o.CreateGroup(o.ctx, local, groupcast.NewGroup{Name: "board", Unlisted: true})
	o.must(err)
	make := func(name, group string) []*caller {
		_, err := o.AddUser(o.ctx, local, groupcast.NewUser{Name: name, Password: password})
		o.must(err)
		if group != "" {
			_, err = o.AddMember(o.ctx, local, group, name)
			o.must(err)
		}
		a := o.login(name)
		return []*caller{
			{name: name + "'s command line", token: o.tokenOf(a.cli), heard: &heard{}},
			{name: name + "'s device", token: o.tokenOf(a.p), agent: a, heard: &heard{}},
		}
	}
	inside, outside = make("mia", "lab"), make("eve", "")
	make("ada", "lab") // owed, too, whatever becomes of what mia is owed
	for _, c := range append(slices.Clone(inside), outside...) {
		path := "/events"
		if c.agent != nil {
			path = "/agent/events"
		}
		o.listen(c, path)
	}
	return inside, append(outside, &caller{name: "nobody"})
}

// tokenOf makes a further token for a principal.
func (o *office) tokenOf(p groupcast.Principal) string {
	token, hash := auth.NewToken()
	t := store.Token{Hash: hash, UserID: p.User.ID, Scope: p.Scope, CreatedAt: o.now(), LastUsed: o.now(), Expires: o.now().Add(time.Hour)}
	if p.Scope == groupcast.ScopeAgent {
		t.Device, t.Expires = p.Device.ID, time.Time{}
	}
	o.must(o.store.AddToken(o.ctx, t))
	return token
}

func (o *office) listen(c *caller, path string) {
	req, err := http.NewRequestWithContext(o.ctx, http.MethodGet, o.url+"/api/v1"+path, nil)
	o.must(err)
	req.Header.Set("Authorization", "Bearer "+c.token)
	res, err := o.client.Do(req)
	o.must(err)
	if res.StatusCode != http.StatusOK {
		o.Fatalf("%s of %s: %s", path, c.name, res.Status)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			c.heard.mu.Lock()
			c.heard.text.WriteString(lines.Text() + "\n")
			c.heard.mu.Unlock()
		}
	})
	o.Cleanup(func() { _ = res.Body.Close(); reading.Wait() })
	eventually(o.T, func() bool { return strings.Contains(c.heard.all(), "hello") })
}

func eventually(t *testing.T, what func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !what(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come")
		}
	}
}

// operation is one of the API's document.
type operation struct{ id, method, path string }

func (o *office) operations() []operation {
	res, err := o.client.Get(o.url + "/api/v1/openapi.json")
	o.must(err)
	var doc struct {
		Paths map[string]map[string]struct {
			ID string `json:"operationId"`
		} `json:"paths"`
	}
	o.must(errors.Join(json.NewDecoder(res.Body).Decode(&doc), res.Body.Close()))
	var out []operation
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if !slices.Contains(notWalked, op.ID) && !strings.HasSuffix(path, "/events") { // those are listened to all the time
				out = append(out, operation{op.ID, strings.ToUpper(method), path})
			}
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.id, b.id) })
	if len(out) < 60 {
		o.Fatalf("%d operations: these are not all", len(out))
	}
	return out
}

// ask makes one request about a transfer and gives status and body.
func (o *office) ask(op operation, c *caller, tr groupcast.Transfer) string {
	device, session := protocol.DeviceID{1}, protocol.SessionID{2}
	if c.agent != nil {
		device = c.agent.p.Device.ID
	}
	path := strings.NewReplacer("{no}", fmt.Sprint(tr.No), "{device}", device.String(), "{first}", "0", "{name}", tr.Group,
		"{user}", "mia", "{id}", "none").Replace(op.path)
	bodies := map[string]any{
		"agent-ready":   groupcast.Ready{Transfer: tr.No, Session: session, LacksAll: true},
		"agent-report":  groupcast.AgentReport{Transfer: tr.No, Path: groupcast.PathHTTPS},
		"agent-entries": groupcast.EntryPage{Transfer: tr.No, Entries: []groupcast.DeliveryEntry{}},
		"agent-receipt": o.receipt(c, tr),
	}
	var body []byte
	if op.method != http.MethodGet {
		body = []byte("{}")
		if b, known := bodies[op.id]; known {
			var err error
			body, err = json.Marshal(b)
			o.must(err)
		}
	}
	for {
		ctx, cancel := context.WithTimeout(o.ctx, 30*time.Second)
		answer, status := o.request(ctx, op.method, path, c.token, body)
		cancel()
		if status != http.StatusTooManyRequests {
			return answer
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (o *office) request(ctx context.Context, method, path, token string, body []byte) (string, int) {
	o.Helper()
	req, err := http.NewRequestWithContext(ctx, method, o.url+path, bytes.NewReader(body))
	o.must(err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := o.client.Do(req)
	o.must(err)
	text, err := io.ReadAll(res.Body)
	o.must(errors.Join(err, res.Body.Close()))
	return fmt.Sprintf("%d %s %s", res.StatusCode, res.Header.Get("X-Total-Count"), text), res.StatusCode
}

// receipt is signed as a device signs that has the transfer: whoever guesses what is in it learns
// nothing by that.
func (o *office) receipt(c *caller, tr groupcast.Transfer) groupcast.Receipt {
	r := groupcast.Receipt{Transfer: tr.No, Root: tr.Root, Outcome: groupcast.DeliveryVerified, Path: groupcast.PathHTTPS, Sequence: 1}
	if c.agent != nil {
		r.Signature = seal.SignReceipt(c.agent.key, seal.Receipt{
			Server: o.id, Group: tr.GroupID, Transfer: r.Transfer, Root: r.Root,
			Device: c.agent.p.Device.ID, Outcome: string(r.Outcome), Sequence: r.Sequence,
		})
	}
	return r
}

const (
	secretName  = "merger-plan.txt"
	secretBytes = "what only those may read to whom it was let go"
)

// traces are the ways in which a transfer may show.
func (o *office) traces(tr groupcast.Transfer) map[string]string {
	files, err := o.Files(o.ctx, local, tr.No, groupcast.Window{})
	o.must(err)
	out := map[string]string{
		"name": secretName, "bytes": secretBytes, "bytes, encoded": base64.StdEncoding.EncodeToString([]byte(secretBytes))[:40],
		"number": fmt.Sprint(tr.No), "expiry": tr.ExpiresAt.UTC().Format("2006-01-02T15:04"), "root": tr.Root.String(), "root, encoded": base64.StdEncoding.EncodeToString(tr.Root[:])[:40],
	}
	if len(files.Rows) > 0 {
		out["digest"] = files.Rows[0].Digest.String()
	}
	return out
}

// silent asks for everything as everybody: no answer may show the transfer, nor be another one than
// that about a transfer that does not exist.
func (o *office) silent(ops []operation, who []*caller, tr groupcast.Transfer) {
	o.Helper()
	none := tr
	none.No, none.Name = 9_999_999, ""
	traces := o.traces(tr)
	for _, c := range who {
		for _, op := range ops {
			got, want := o.ask(op, c, tr), o.ask(op, c, none)
			about := strings.Contains(op.path, "{no}") || strings.HasPrefix(op.id, "agent-") && op.method == http.MethodPost && op.id != "agent-challenge"
			same := strings.ReplaceAll(got, fmt.Sprint(tr.No), "N") == strings.ReplaceAll(want, fmt.Sprint(none.No), "N")
			if about && !same {
				o.Errorf("%s: %s tells a transfer that %s apart from none:\n%s\n%s", c.name, op.id, tr.State, got, want)
			}
			for what, trace := range traces {
				if strings.Contains(got, trace) {
					o.Errorf("%s: %s shows the %s of a transfer that is %s: %.300s", c.name, op.id, what, tr.State, got)
				}
			}
		}
		if c.heard == nil {
			continue
		}
		for what, trace := range traces {
			if strings.Contains(c.heard.all(), trace) {
				o.Errorf("%s: the event stream shows the %s of a transfer that is %s:\n%s", c.name, what, tr.State, c.heard.all())
			}
		}
	}
}

func (o *office) promised(group string, change func(*groupcast.NewTransfer)) groupcast.Transfer {
	o.Helper()
	path := filepath.Join(o.TempDir(), secretName)
	o.must(os.WriteFile(path, []byte(secretBytes), 0o600))
	n := groupcast.NewTransfer{Group: group, Paths: []string{path}, Hold: true, Via: groupcast.ViaHTTPS}
	if change != nil {
		change(&n)
	}
	tr, err := o.AddTransfer(o.ctx, local, n)
	o.must(err)
	return tr
}

// ended ends a transfer with all that is owed of it.
func (o *office) ended(no protocol.TransferNo, state groupcast.TransferState, d groupcast.DeliveryState) error {
	return o.delivery.GroupGone(o.ctx, func() ([]protocol.TransferNo, error) {
		return []protocol.TransferNo{no}, o.store.CloseTransfer(o.ctx, no, state, d, string(state), o.now())
	})
}

// Held means: no bytes, no name, no number, for a member, a member's device and everybody else, on
// every operation of the API, however the transfer's time before its release ends.
func TestHeldShowsNothing(t *testing.T) {
	o := openOffice(t)
	inside, outside := o.people()
	everybody := append(slices.Clone(inside), outside...)
	o.must(o.store.SkipTransfersPast(o.ctx, 7_654_321))
	ops := o.operations()
	mia := inside[1].agent.p.Device.ID
	for name, c := range map[string]struct {
		change func(*groupcast.NewTransfer)
		then   func(groupcast.Transfer) error
	}{
		"held":               {},
		"held for ten years": {change: func(n *groupcast.NewTransfer) { n.Keep = maxKeep }},
		"dropped for one": {then: func(tr groupcast.Transfer) error {
			_, err := o.ActOnDelivery(o.ctx, local, tr.No, mia, groupcast.Drop)
			return err
		}},
		"dropped for a member": {then: func(tr groupcast.Transfer) error { _, err := o.DropMember(o.ctx, local, tr.No, "mia"); return err }},
		"cancelled":            {then: func(tr groupcast.Transfer) error { _, err := o.CancelTransfer(o.ctx, local, tr.No); return err }},
		"owed again": {then: func(tr groupcast.Transfer) error {
			_, err := o.ActOnDelivery(o.ctx, local, tr.No, mia, groupcast.Drop)
			_, again := o.RetryTransfer(o.ctx, local, tr.No)
			return errors.Join(err, again)
		}},
		"failed": {then: func(tr groupcast.Transfer) error {
			return o.ended(tr.No, groupcast.TransferFailed, groupcast.DeliveryFailed)
		}},
		"expired": {then: func(tr groupcast.Transfer) error {
			return o.ended(tr.No, groupcast.TransferExpired, groupcast.DeliveryExpired)
		}},
	} {
		tr := o.promised("lab", c.change)
		if c.then != nil {
			o.must(c.then(tr))
		}
		got, err := o.Transfer(o.ctx, local, tr.No)
		o.must(err)
		if !got.StartedAt.IsZero() {
			t.Fatalf("%s: it was sent: %+v", name, got)
		}
		o.silent(ops, everybody, got)
		if t.Failed() {
			t.Fatalf("the first case that showed: %s", name)
		}
	}
}

// What is let go shows all of it to those whom it is for, and to nobody else; so does what goes to a
// group that is not listed.
func TestReleasedShowsItselfToMembersOnly(t *testing.T) {
	o := openOffice(t)
	inside, outside := o.people()
	o.must(o.store.SkipTransfersPast(o.ctx, 7_654_321))
	ops := o.operations()
	unlisted := o.promised("board", func(n *groupcast.NewTransfer) { n.Hold = false })
	o.silent(ops, append(slices.Clone(inside), outside...), unlisted)

	tr := o.promised("lab", nil)
	_, err := o.SendTransfer(o.ctx, local, tr.No)
	o.must(err)
	cli, device := inside[0], inside[1]
	eventually(t, func() bool {
		return strings.Contains(device.heard.all(), `"offer"`) && strings.Contains(cli.heard.all(), fmt.Sprintf(`"transfer":%d`, tr.No))
	})
	o.silent(ops, outside, tr)
	find := func(id string) operation {
		return ops[slices.IndexFunc(ops, func(op operation) bool { return op.id == id })]
	}
	for id, want := range map[string][]string{
		"agent-state":    {fmt.Sprintf(`"owed":[%d`, tr.No), `"offers":[{`},
		"agent-manifest": {secretName},
	} {
		answer, _ := o.request(o.ctx, "GET", strings.Replace(find(id).path, "{no}", fmt.Sprint(tr.No), 1), device.token, nil)
		for _, what := range want {
			if !strings.Contains(answer, what) {
				t.Errorf("%s does not show %s: %s", id, what, answer)
			}
		}
	}
	blocks := fmt.Sprintf("/api/v1/agent/transfers/%d/blocks/0?count=3", tr.No)
	if answer, _ := o.request(o.ctx, "GET", blocks, device.token, nil); !strings.Contains(answer, secretBytes) {
		t.Errorf("the blocks do not hold the file: %q", answer)
	}
	mine, _ := o.request(o.ctx, "GET", find("my-deliveries").path, cli.token, nil)
	if !strings.Contains(mine, secretName) || !strings.Contains(mine, fmt.Sprint(tr.No)) {
		t.Errorf("a member does not see what he is owed: %s", mine)
	}
}

// After a restore nothing goes out before an administrator confirmed the memberships: neither bytes
// nor an offer, by whichever way a device asks.
func TestPausedServesNothing(t *testing.T) {
	o := openOffice(t)
	inside, outside := o.people()
	tr := o.promised("lab", func(n *groupcast.NewTransfer) { n.Hold = false })
	o.delivery.Pause(true)
	for _, c := range append(slices.Clone(inside), outside...) {
		for _, op := range o.operations() {
			if answer := o.ask(op, c, tr); strings.Contains(answer, secretBytes) || strings.HasPrefix(op.id, "agent-") && strings.Contains(answer, secretName) {
				t.Errorf("%s: %s serves a transfer while the server waits: %.300s", c.name, op.id, answer)
			}
		}
	}
}
