package setback

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

// memory is a database that can be copied and put back.
type memory struct {
	offers    protocol.OfferNo
	transfers protocol.TransferNo
	editions  uint64              // that were left out
	epoch     uint64              // of sites
	leftOut   [2]protocol.OfferNo // the last numbers that a start left out, first and last
	settings  map[string]string
	audit     int64
	full      bool // nothing is written
	broken    bool // nothing is read
}

var (
	errFull   = errors.New("disk full")
	errBroken = errors.New("disk broken")
)

func (m *memory) reading() error {
	if m.broken {
		return errBroken
	}
	return nil
}

func (m *memory) writing() error {
	if m.full {
		return errFull
	}
	return nil
}

func (m *memory) LastOffer(context.Context) (protocol.OfferNo, error) { return m.offers, m.reading() }

func (m *memory) LastTransferNo(context.Context) (protocol.TransferNo, error) {
	return m.transfers, m.reading()
}

func (m *memory) OfferLeftOut(_ context.Context, n protocol.OfferNo) (bool, error) {
	return n >= m.leftOut[0] && n <= m.leftOut[1], m.reading()
}

func (m *memory) LeaveOutOffers(_ context.Context, n uint64) error {
	m.leftOut = [2]protocol.OfferNo{m.offers + 1, m.offers + protocol.OfferNo(n)}
	m.offers += protocol.OfferNo(n)
	return m.writing()
}

func (m *memory) SkipOffersPast(_ context.Context, n protocol.OfferNo) error {
	m.offers = max(m.offers, n)
	return m.writing()
}

func (m *memory) SkipTransfersPast(_ context.Context, n protocol.TransferNo) error {
	m.transfers = max(m.transfers, n)
	return m.writing()
}

func (m *memory) SkipEditions(_ context.Context, by uint32) error {
	m.editions += uint64(by)
	return m.writing()
}

func (m *memory) SkipSitesPast(_ context.Context, epoch uint64) error {
	m.epoch = max(m.epoch, epoch)
	return m.writing()
}

func (m *memory) Setting(_ context.Context, name string) (string, error) {
	if v, found := m.settings[name]; found {
		return v, m.reading()
	}
	return "", groupcast.Errorf(groupcast.ENotFound, "no setting %s", name)
}

func (m *memory) SetSetting(_ context.Context, name, value string) error {
	if err := m.writing(); err != nil {
		return err
	}
	m.settings[name] = value
	return nil
}

func (m *memory) Audit(context.Context, store.AuditFilter) ([]groupcast.AuditEntry, error) {
	if m.audit == 0 {
		return nil, m.reading()
	}
	return []groupcast.AuditEntry{{ID: m.audit}}, m.reading()
}

// life is a server from a start to the next.
type life struct {
	paged bool // devices show offers of format 2
	*testing.T
	*Watch
	store   *memory
	key     seal.SigningKey
	files   []string
	halted  int
	paused  bool
	audited []string
	taken   uint64 // epoch of its site, after it moved
}

var serverID = protocol.ServerID{0xaa}

// begin starts a first life, with two witnesses: one beside the database, one elsewhere.
func begin(t *testing.T) *life {
	t.Helper()
	l := &life{
		T: t, key: seal.NewSigningKey(), store: &memory{settings: map[string]string{}},
		files: []string{filepath.Join(t.TempDir(), "witness"), filepath.Join(t.TempDir(), "run", "x.witness")},
	}
	l.start()
	return l
}

// start ends the life before, if there is one, and begins the next.
func (l *life) start() {
	l.Helper()
	if l.Watch != nil {
		if err := l.Close(); err != nil {
			l.Fatal(err)
		}
	}
	l.halted, l.audited, l.paused = 0, nil, false
	l.Watch = New(Config{
		Server: serverID, Key: l.key.Public(), Store: l.store, Witnesses: l.files, Log: slog.New(slog.DiscardHandler),
		Halt: func() { l.halted++ }, Pause: func(p bool) { l.paused = p },
		Moved: func(context.Context) error { l.taken = l.store.epoch; return nil },
		Audit: func(_ context.Context, action, _, _ string) { l.audited = append(l.audited, action) },
	})
	l.T.Cleanup(func() { l.Watch.Close() })
	if err := l.Begin(l.Context()); err != nil {
		l.Fatal(err)
	}
}

// copied is the database as it is now.
func (l *life) copied() *memory {
	c := *l.store
	c.settings = map[string]string{}
	for k, v := range l.store.settings {
		c.settings[k] = v
	}
	return &c
}

// works draws numbers, as sending something does.
func (l *life) works() wire.Offer {
	l.store.offers++
	l.store.transfers++
	l.store.audit++
	l.Counted(l.Context())
	return wire.Offer{Server: serverID, Number: l.store.offers, Transfer: l.store.transfers, Floor: l.store.offers}
}

// show is a device that shows an offer.
func (l *life) show(o wire.Offer) error {
	b := wire.AppendOffer(nil, o)
	if l.paged {
		b = format2.AppendOffer(nil, format2.Offer{
			Server: o.Server, Number: o.Number, Floor: o.Floor, Transfer: o.Transfer, SlotMS: 100, Lag: 3, LifeSeconds: 60,
			SkeletonBytes: 300, Edition: 1, Pages: 4, SymbolSize: protocol.DefaultSymbol, MaxK: 200,
			Codec: format2.CodecCauchyRS, Hash: format2.HashBLAKE3, AEAD: format2.AEADAES256GCM, Cutter: format2.CutterFixed,
		})
	}
	return l.Shown(l.Context(), "ann/pc", b, seal.SignOffer(l.key, b))
}

// why says how the server knows that it was set back; empty: it does not.
func (l *life) why() groupcast.SetBack {
	l.Helper()
	why, is, err := l.Why(l.Context())
	if err != nil {
		l.Fatal(err)
	}
	if !is {
		return ""
	}
	return why.How
}
