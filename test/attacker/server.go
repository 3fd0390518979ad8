//go:build linux

package attacker

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/httpapi"
	"github.com/groupcast/groupcast/internal/httpapi/httpapitest"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// Trap is a transfer that a hostile server offers.
type Trap struct {
	Name  string
	Group string // its folder's name
	Files []manifest.File
	Bend  func(*wire.Offer) // makes the offer say something else; nil: nothing

	Answer string // what a receiver answers it with
}

// Refused begins what the report says of a trap that was refused, for what in one word behind it.
const Refused = "refused for "

// content is what every file holds.
const content = "what a hostile server sends\n"

func file(path string) manifest.File {
	return manifest.File{Kind: manifest.KindFile, Mode: 0o644, Path: path, Size: uint64(len(content))}
}

func link(path, target string) manifest.File {
	return manifest.File{Kind: manifest.KindSymlink, Mode: 0o777, Path: path, Target: target}
}

// Traps are the names of what the hostile server offers in a format, and how each is answered.
func Traps(version int) (names, answers []string) {
	if version == format2.Version {
		for _, t := range pagedTraps() {
			names, answers = append(names, t.name), append(answers, t.answer)
		}
		return names, answers
	}
	for _, t := range plainTraps() {
		names, answers = append(names, t.Name), append(answers, t.Answer)
	}
	return names, answers
}

// plainTraps are those of format 1, the harmless one last.
func plainTraps() []Trap {
	setuid := file("run")
	setuid.Mode = 0o4755
	huge := file("huge")
	huge.Size = math.MaxInt64
	one := func(f manifest.File) []manifest.File { return []manifest.File{f} }
	elsewhere := func(group string) func(*wire.Offer) {
		return func(o *wire.Offer) {
			o.Flags, o.GroupAddr = wire.OfferMulticast, netip.MustParseAddrPort(group)
			o.Source, o.FeedbackPort = netip.MustParseAddr("10.99.0.77"), 7440
		}
	}
	list, offer := Refused+groupcast.RefusedManifest+"entry", Refused+"version"
	return []Trap{
		{"parent", "lab", one(file("../escaped.txt")), nil, list},
		{"absolute", "lab", one(file("/escaped.txt")), nil, list},
		{"parent inside", "lab", one(file("a/../../escaped.txt")), nil, list},
		{"link out", "lab", one(link("out", "../../outside")), nil, list},
		{"absolute link", "lab", one(link("out", "/etc")), nil, list},
		{"link, then through it", "lab", []manifest.File{link("a", ".."), file("a/escaped.txt")}, nil, list},
		{"NUL", "lab", one(file("a\x00b")), nil, list},
		{"twice one path", "lab", []manifest.File{file("same.txt"), file("same.txt")}, nil, list},
		{"setuid", "lab", one(setuid), nil, list},
		{"8 EiB", "lab", one(huge), func(o *wire.Offer) { o.TotalBytes = math.MaxInt64 }, offer},
		{"a billion files", "lab", one(file("many")), func(o *wire.Offer) { o.Files = 1_000_000_000 }, offer},
		{"a manifest of 2 GiB", "lab", one(file("long")), func(o *wire.Offer) { o.ManifestBytes = 2 << 30 }, offer},
		{"group named ..", "..", one(file("escaped.txt")), nil, Refused + "names"},
		{"group with a slash", "../lab", one(file("escaped.txt")), nil, Refused + "names"},
		{"mDNS's address", "lab", one(file("mdns.txt")), elsewhere("224.0.0.251:5353"), offer},
		{"another host's address", "lab", one(file("unicast.txt")), elsewhere("10.99.0.77:7441"), offer},
		{"harmless", "lab", one(file("harmless.txt")), nil, string(groupcast.DeliveryVerified)},
	}
}

// trap is a transfer of the hostile server, encoded.
type trap struct {
	name    string
	offered groupcast.Offered
	group   groupcast.AgentGroup
	blocks  [][]byte // the index, the manifest, the stream
	raw     []byte   // the manifest, or the skeleton
	pages   [][]byte // of format 2
}

// hostileServer answers everything as a server does, and offers traps.
type hostileServer struct {
	*httpapitest.Service
	authority *pki.Authority
	traps     []trap
	device    groupcast.Device

	mu     sync.Mutex
	report *Report
}

// hostile runs a server at p.Source with its keys in p.File. Its report says by the traps' names
// what the receiver answered.
func hostile(ctx context.Context, p Plan, r *Report) error {
	a, err := pki.Open(pki.Options{Folder: p.File})
	if err != nil {
		return err
	}
	r.Answers = make(map[string]int)
	h := &hostileServer{
		Service: httpapitest.New(), authority: a, report: r,
		device: groupcast.Device{ID: protocol.NewDeviceID(), Name: "victim"},
	}
	if p.Wire == format2.Version {
		for i, t := range pagedTraps() {
			h.traps = append(h.traps, h.encodePaged(t, i))
		}
	} else {
		for i, t := range plainTraps() {
			h.traps = append(h.traps, h.encode(t, i))
		}
	}
	say("Fingerprint: %s", a.ID())
	return httpapi.Serve(ctx, httpapi.Config{
		Service: h, Listen: p.Source, TLS: a.ServerTLS(), Knows: a.KnowsHost,
		Log: slog.New(slog.DiscardHandler),
	})
}

// encode makes and signs the offer of a trap, without a look at any rule.
func (h *hostileServer) encode(t Trap, i int) trap {
	m := &manifest.Manifest{Files: t.Files}
	var stream []byte
	for j := range m.Files {
		if f := &m.Files[j]; f.Kind == manifest.KindFile {
			stream = append(stream, content...)
		}
	}
	if len(stream) > 0 {
		m.Blocks = []manifest.Block{{Length: uint32(len(stream)), Digest: manifest.LeafDigest(stream)}}
	}
	e := manifest.Encode(m)
	group := groupcast.AgentGroup{ID: protocol.NewGroupID(), Name: t.Group, Address: "239.192.66.6:7441"}
	o := wire.Offer{
		Server: h.authority.ID(), Group: group.ID, MembershipVersion: 1, Number: protocol.OfferNo(i + 1), Floor: 1,
		Transfer: protocol.TransferNo(i + 1),
		Session:  protocol.NewSessionID(), Tag: protocol.SessionTag(i + 1), IndexDigest: e.Root,
		ManifestBytes:  uint64(len(e.Manifest)),
		ManifestBlocks: 1, TotalBytes: uint64(len(stream)), Files: uint32(len(m.Files)), Blocks: uint32(len(m.Blocks)),
		SymbolSize: protocol.DefaultSymbol, MaxK: 164, Codec: wire.CodecCauchyRS, Hash: wire.HashBLAKE3,
		AEAD: wire.AEADAES256GCM, Cutter: wire.CutterFixed,
		GroupAddr: netip.MustParseAddrPort(group.Address), Source: netip.MustParseAddr("10.99.0.14"), FeedbackPort: 7440,
	}
	secret := seal.Secret(bytes.Repeat([]byte{byte(i + 1)}, seal.SecretBytes))
	o.KeyCheck = seal.KeyCheck(secret, o.Server, o.Session)
	if t.Bend != nil {
		t.Bend(&o)
	}
	raw := wire.AppendOffer(nil, o)
	return trap{
		name: t.Name, group: group, raw: e.Manifest, blocks: [][]byte{e.Index, e.Manifest, stream},
		offered: groupcast.Offered{
			Offer: raw, Signature: seal.SignOffer(h.authority.SigningKey(), raw),
			Group: t.Group, Transfer: o.Transfer, Devices: 1,
		},
	}
}

func (h *hostileServer) note(no protocol.TransferNo, answer string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := int(no) - 1; i >= 0 && i < len(h.traps) {
		h.report.Answers[h.traps[i].name+": "+answer]++
	}
}

// Login lets everybody in.
func (h *hostileServer) Login(context.Context, string, groupcast.Login) (groupcast.LoggedIn, error) {
	return groupcast.LoggedIn{
		User: groupcast.User{ID: "u1", Name: "victim", Role: groupcast.RoleMember}, Device: h.device,
		AgentToken: "agent", CLIToken: "cli", CLIExpires: time.Now().Add(time.Hour),
	}, nil
}

// AgentState offers the traps.
func (h *hostileServer) AgentState(context.Context, groupcast.Principal) (groupcast.AgentState, error) {
	s := groupcast.AgentState{Version: 1, Now: time.Now(), Device: h.device, Signing: h.authority.SigningChain()}
	for _, t := range h.traps {
		s.Groups, s.Offers = append(s.Groups, t.group), append(s.Offers, t.offered)
	}
	s.Groups = append(s.Groups, groupcast.AgentGroup{ID: protocol.NewGroupID(), Name: "mdns", Address: "224.0.0.251:5353"},
		groupcast.AgentGroup{ID: protocol.NewGroupID(), Name: "host", Address: "10.99.0.77:7441"})
	return s, nil
}

// Ready notes a refusal; it hands out keys with another machine's feedback address, or HTTPS.
func (h *hostileServer) Ready(_ context.Context, _ groupcast.Principal, r groupcast.Ready) (groupcast.Handout, error) {
	if r.Refused != "" {
		h.note(r.Transfer, Refused+string(r.Kind))
	}
	return groupcast.Handout{HTTPS: true, FeedbackAddr: "10.99.0.77:7440"}, nil
}

// Receipt notes an outcome.
func (h *hostileServer) Receipt(_ context.Context, _ groupcast.Principal, r groupcast.Receipt) error {
	h.note(r.Transfer, string(r.Outcome))
	return nil
}

// Entries, Report and ProbesHeard take what comes.
func (h *hostileServer) Entries(context.Context, groupcast.Principal, groupcast.EntryPage) error {
	return nil
}

// Report takes what comes.
func (h *hostileServer) Report(context.Context, groupcast.Principal, groupcast.AgentReport) error {
	return nil
}

// Manifest gives a trap's manifest.
func (h *hostileServer) Manifest(_ context.Context, _ groupcast.Principal,
	no protocol.TransferNo,
) (io.ReadCloser, error) {
	if int(no) > len(h.traps) {
		return nil, groupcast.Errorf(groupcast.ENotFound, "no such transfer")
	}
	return io.NopCloser(bytes.NewReader(h.traps[no-1].raw)), nil
}

// Blocks gives a trap's blocks.
func (h *hostileServer) Blocks(_ context.Context, _ groupcast.Principal, no protocol.TransferNo,
	first protocol.BlockNumber, count uint32,
) (io.ReadCloser, error) {
	if int(no) > len(h.traps) || int(first) >= 3 {
		return nil, groupcast.Errorf(groupcast.ENotFound, "no such blocks")
	}
	t := h.traps[no-1]
	return io.NopCloser(bytes.NewReader(bytes.Join(t.blocks[first:min(int(first)+int(count), 3)], nil))), nil
}

// AgentEvents says hello and nothing more.
func (h *hostileServer) AgentEvents(context.Context, groupcast.Principal,
	groupcast.Attach,
) (groupcast.AgentStream, error) {
	return &hello{}, nil
}

type hello struct{ said bool }

// Next says hello once.
func (s *hello) Next(ctx context.Context) (groupcast.AgentEvent, error) {
	if !s.said {
		s.said = true
		return groupcast.AgentEvent{Version: 1, Kind: groupcast.AgentHello}, nil
	}
	<-ctx.Done()
	return groupcast.AgentEvent{}, ctx.Err()
}

// Close ends nothing.
func (s *hello) Close() {}
