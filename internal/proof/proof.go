// Package proof reads what proves what became of a transfer and checks it, without a server, a
// home or a clock: against nothing but the fingerprint that its reader trusts.
package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// Bounds of what is read.
const (
	MaxBytes       = 64 << 20 // of the file
	maxCertificate = 16 << 10
	maxDevices     = 100_000
	maxOffers      = 1000
)

// Result is the result for one device of a proof.
type Result string

// The results.
const (
	Verified Result = "verified" // every entry, by the device's word
	Partly   Result = "partly"   // some entries are missing at it, or were lost at the server
	Failed   Result = "failed"
	Refused  Result = "refused" // by the server's word: it could not take the transfer
	Missing  Result = "missing" // no receipt
)

// Device is what is proved of one device.
type Device struct {
	ID       protocol.DeviceID         `json:"id"`
	Name     string                    `json:"name"` // empty: the member has no device yet
	User     string                    `json:"user"`
	Result   Result                    `json:"verdict"`
	Outcome  groupcast.DeliveryState   `json:"outcome"` // as signed; without a receipt as the server says
	Path     groupcast.Path            `json:"path,omitempty"`
	Reason   string                    `json:"reason,omitempty"`
	Covers   groupcast.Signed          `json:"covers"`            // what its signature covers
	Earlier  bool                      `json:"earlier,omitempty"` // of what the transfer held before files of it changed
	Sequence uint64                    `json:"sequence,omitempty"`
	Entries  []groupcast.DeliveryEntry `json:"entries,omitempty"`
	groupcast.Tally
}

// Report is what a proof proves.
type Report struct {
	Fingerprint protocol.ServerID   `json:"fingerprint"`
	MadeAt      time.Time           `json:"made_at"`
	Transfer    protocol.TransferNo `json:"transfer"`
	Group       string              `json:"group"`
	Name        string              `json:"name"`
	Manifest    protocol.Digest     `json:"manifest,omitzero"` // its index digest
	Paged       *Paged              `json:"paged,omitempty"`   // of a paged transfer, in place of Manifest
	Entries     int                 `json:"entries"`
	Bytes       uint64              `json:"bytes"`
	Lost        int                 `json:"lost,omitempty"`
	// Named says that the names of the files are in the proof, and unless the transfer is paged their digests.
	Named    bool     `json:"named"`
	Verified int      `json:"verified"`
	Partly   int      `json:"partly"`
	Failed   int      `json:"failed"`
	Refused  int      `json:"refused"`
	Missing  int      `json:"missing"`
	Devices  []Device `json:"devices"`

	Files []groupcast.FileEntry `json:"files,omitempty"`
}

// Paged is what a proof proves of a paged transfer's content.
type Paged struct {
	Skeleton protocol.Digest  `json:"skeleton"` // of its index
	Edition  protocol.Edition `json:"edition"`
	Root     protocol.Digest  `json:"root,omitzero"` // of the final page; zero: it is not in the proof
}

// broken says why a proof is none.
func broken(format string, args ...any) error {
	return groupcast.Errorf(groupcast.EInvalid, "the proof is broken: "+format, args...).
		WithHint("ask whoever gave it to you for it again, and the server's administrator for the fingerprint")
}

// Parse reads a proof. Its encoding is unique but for spaces: duplicate keys, values that are not in the
// canonical form and trailing data are refused.
func Parse(r io.Reader) (p groupcast.Proof, err error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return p, err
	}
	if len(raw) > MaxBytes {
		return p, broken("it is larger than %d MiB", MaxBytes>>20)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, broken("it is not a proof as groupcast writes it (%v)", err)
	}
	again, err := json.Marshal(p)
	if err != nil {
		return p, broken("it holds what cannot be written (%v)", err)
	}
	if err := sameTokens(raw, again); err != nil {
		return p, broken("%v", err)
	}
	return p, bounds(p)
}

func bounds(p groupcast.Proof) error {
	plain := p.V == groupcast.ProofVersion
	withPage := func(o groupcast.ProofOffer) bool { return o.Page != nil }
	switch {
	case formats[p.V].offer == nil:
		return broken("it has version %d, this program reads %d at most", p.V, groupcast.ProofVersionPaged)
	case plain && (withPage(p.Offer) || slices.ContainsFunc(p.Earlier, withPage)):
		return broken("it has pages, and is of a transfer without")
	case len(p.Chain) != 2 || len(p.Chain[0]) > maxCertificate || len(p.Chain[1]) > maxCertificate:
		return broken("it does not hold two certificates")
	case len(p.Devices) > maxDevices || len(p.Receipts) > maxDevices || len(p.Missing) > maxDevices:
		return broken("it names more than %d devices", maxDevices)
	case len(p.Earlier) > maxOffers:
		return broken("it holds more than %d offers", maxOffers)
	}
	return nil
}

// sameTokens compares two JSON texts value by value, in order.
func sameTokens(given, want []byte) error {
	if at := capitalEscape(given); at >= 0 {
		return fmt.Errorf("it is not written as groupcast writes it, at byte %d", at)
	}
	a, b := json.NewDecoder(bytes.NewReader(given)), json.NewDecoder(bytes.NewReader(want))
	a.UseNumber()
	b.UseNumber()
	for {
		x, errX := a.Token()
		y, errY := b.Token()
		switch {
		case errors.Is(errX, io.EOF) && errors.Is(errY, io.EOF):
			return nil
		case errX != nil || errY != nil || x != y:
			return fmt.Errorf("it is not written as groupcast writes it, at byte %d", a.InputOffset())
		}
	}
}

// capitalEscape finds a character that is written as \u with capital digits; -1: none is.
func capitalEscape(raw []byte) int {
	for at := 0; at+1 < len(raw); at++ {
		if raw[at] != '\\' {
			continue
		}
		if at++; raw[at] == 'u' && bytes.ContainsAny(raw[at:min(at+5, len(raw))], "ABCDEF") {
			return at
		}
	}
	return -1
}

// Verify checks all of a proof against the fingerprint that is trusted, and says what it comes to.
func Verify(p groupcast.Proof, trust protocol.ServerID) (Report, error) {
	if p.Fingerprint != trust {
		return Report{}, groupcast.Errorf(groupcast.EUnauthorized, "the proof is of another server: %s", p.Fingerprint).
			WithHint("compare the fingerprint with the one that `groupcast serve` prints")
	}
	if err := bounds(p); err != nil {
		return Report{}, err
	}
	key, err := pki.SigningKeyAt(trust, p.Chain, p.MadeAt)
	if err != nil {
		return Report{}, broken("its certificates are not that server's (%v)", err)
	}
	if err := seal.VerifyStatement(key, trust, p.Digest(), p.Statement); err != nil {
		return Report{}, broken("it is not as the server signed it")
	}
	c := check{
		p: p, key: key, format: formats[p.V],
		known: map[protocol.DeviceID]groupcast.ProofDevice{}, keys: map[protocol.DeviceID]seal.VerifyKey{},
	}
	for _, step := range []func() error{c.readOffers, c.names, c.devices, c.receipts, c.missing} {
		if err := step(); err != nil {
			return Report{}, err
		}
	}
	return c.out, nil
}

// check is a proof with a valid statement, while it is checked.
type check struct {
	p      groupcast.Proof
	key    seal.VerifyKey
	format format
	offer  offered
	offers map[content]offered
	known  map[protocol.DeviceID]groupcast.ProofDevice
	keys   map[protocol.DeviceID]seal.VerifyKey
	out    Report
}

func (c *check) readOffers() error {
	c.offers = map[content]offered{}
	for i, s := range append([]groupcast.ProofOffer{c.p.Offer}, c.p.Earlier...) {
		o, err := c.format.offer(c.key, s)
		if err != nil {
			return broken("an offer is not the server's (%v)", err)
		}
		if i == 0 {
			c.offer = o
		}
		_, twice := c.offers[o.content]
		if twice || o.server != c.p.Fingerprint || o.transfer != c.p.Transfer || o.group != c.offer.group ||
			o.id != c.offer.id || i > 0 && o.number >= c.offer.number {
			return broken("an offer is not one of transfer %d of this server", c.p.Transfer)
		}
		c.offers[o.content] = o
	}
	c.out = Report{
		Fingerprint: c.p.Fingerprint, MadeAt: c.p.MadeAt, Transfer: c.p.Transfer,
		Group: c.p.Group, Name: c.p.Name, Lost: c.p.Lost,
		Entries: int(c.offer.entries), Bytes: c.offer.bytes, Devices: []Device{},
	}
	if c.p.V == groupcast.ProofVersionPaged {
		c.out.Paged = &Paged{Skeleton: c.offer.digest, Edition: c.offer.edition, Root: c.offer.root}
	} else {
		c.out.Manifest = c.offer.digest
	}
	return nil
}

var kinds = map[manifest.Kind]string{
	manifest.KindFile: "file", manifest.KindFolder: "folder", manifest.KindSymlink: "symlink",
}

func (c *check) names() error {
	if c.p.Manifest == nil {
		return nil
	}
	if c.p.V == groupcast.ProofVersionPaged {
		return c.skeleton()
	}
	layout, err := manifest.NewLayout(c.offer.plain)
	if err != nil {
		return broken("its offer cannot be read (%v)", err)
	}
	whole, err := layout.WithManifest(c.p.Manifest)
	if err != nil {
		return broken("its manifest is not the one that was offered (%v)", err)
	}
	c.out.Named = true
	for _, f := range whole.Manifest().Files {
		c.out.Files = append(c.out.Files,
			groupcast.FileEntry{Path: f.Path, Kind: kinds[f.Kind], Size: f.Size, Digest: f.Digest})
	}
	return nil
}

// skeleton gives the names of a paged transfer's entries. Their digests are in pages that a proof does not hold.
func (c *check) skeleton() error {
	var x skeleton.Indexer
	_, _ = x.Write(c.p.Manifest) // never fails
	if format2.SkeletonDigest(x.Index()) != c.offer.digest {
		return broken("its list of entries is not the one that was offered")
	}
	r, err := skeleton.NewReader(bytes.NewReader(c.p.Manifest), len(c.p.Manifest))
	if err != nil {
		return broken("its list of entries cannot be read (%v)", err)
	}
	for e, ok := r.Next(); ok; e, ok = r.Next() {
		c.out.Files = append(c.out.Files, groupcast.FileEntry{Path: e.Path, Kind: kinds[e.Kind], Size: e.Size})
	}
	if err := r.Err(); err != nil {
		return broken("its list of entries cannot be read (%v)", err)
	}
	c.out.Named = true
	return nil
}

func (c *check) devices() error {
	for _, d := range c.p.Devices {
		key, err := seal.VerifyBinding(c.key, seal.Binding{
			Server: c.p.Fingerprint, Device: d.ID, Key: d.Key, Name: d.Name, Since: d.Since.UnixMicro(),
		}, d.Binding)
		if err != nil {
			return broken("the server did not sign the key of device %s (%v)", d.Name, err)
		}
		if _, twice := c.known[d.ID]; twice || d.ID == (protocol.DeviceID{}) {
			return broken("device %s is in it twice", d.Name)
		}
		c.known[d.ID], c.keys[d.ID] = d, key
	}
	return nil
}

func (c *check) receipts() error {
	seen := map[protocol.DeviceID]bool{}
	for _, given := range c.p.Receipts {
		d, known := c.known[given.Device]
		if !known || seen[given.Device] {
			return broken("it has a receipt of device %s that is not one of its devices, or two of it", given.Device)
		}
		seen[given.Device] = true
		r, err := c.format.receipt(c.keys[given.Device], given)
		if err != nil {
			return broken("the receipt of %s is not as it was signed (%v)", d.Name, err)
		}
		offer, offered := c.offers[r.content]
		if !offered || r.Server != c.p.Fingerprint || r.Group != c.offer.group || r.Transfer != c.p.Transfer ||
			r.Device != given.Device || r.id != c.offer.id {
			return broken("the receipt of %s is for something else", d.Name)
		}
		if r.Root != offer.root && r.Root != (protocol.Digest{}) {
			return broken("the receipt of %s is for another final page", d.Name)
		}
		if err := told(given, r, d.Name); err != nil {
			return err
		}
		c.add(c.judge(d, given, r, offer))
	}
	if len(seen) != len(c.known) {
		return broken("it names a device without its receipt")
	}
	return nil
}

// told checks the values next to a receipt against the digests that it signs.
func told(given groupcast.ProofReceipt, r receipt, name string) error {
	if !r.full {
		if len(given.Entries) > 0 {
			return broken("the receipt of %s does not cover what is missing there", name)
		}
		return nil
	}
	astray := uint64(r.Missing) + uint64(r.Beside)
	if groupcast.ReasonDigest(given.Reason) != r.Reason {
		return broken("the reason that %s gave is another", name)
	}
	listed := uint64(len(given.Entries))
	if (listed > 0 || astray == 0) && (listed != astray || groupcast.EntriesDigest(given.Entries) != r.List) {
		return broken("the entries that are missing at %s, or have another name, are not those that it reported", name)
	}
	if astray > uint64(r.Entries) || (r.Outcome == "incomplete") != (r.Missing > 0) {
		return broken("the receipt of %s contradicts itself", name)
	}
	return nil
}

func (c *check) judge(d groupcast.ProofDevice, given groupcast.ProofReceipt, r receipt, offer offered) Device {
	out := Device{
		ID: d.ID, Name: d.Name, User: d.User,
		Outcome: groupcast.DeliveryState(r.Outcome), Reason: given.Reason, Sequence: r.Sequence,
		Covers: groupcast.SignedOutcome, Earlier: r.content != c.offer.content,
	}
	if r.full {
		out.Covers, out.Path, out.Entries = groupcast.SignedAll, groupcast.Path(r.Path), given.Entries
		out.Tally = groupcast.Tally{
			Entries: int(r.Entries), Missing: int(r.Missing), Beside: int(r.Beside), Void: int(r.void),
		}
		if len(given.Entries) == 0 && r.Missing+r.Beside > 0 {
			out.Covers = groupcast.SignedCounts
		}
	}
	switch lost := c.p.Lost > 0 && !out.Earlier || r.void > 0; {
	case out.Outcome == groupcast.DeliveryIncomplete,
		out.Outcome.Delivered() && (lost || r.full && r.Entries < offer.entries):
		out.Result = Partly
	case out.Outcome.Delivered():
		out.Result = Verified
	case out.Outcome == groupcast.DeliveryRefused:
		out.Result = Refused
	default:
		out.Result = Failed
	}
	return out
}

func (c *check) add(d Device) {
	c.out.Devices = append(c.out.Devices, d)
	switch d.Result {
	case Verified:
		c.out.Verified++
	case Partly:
		c.out.Partly++
	case Failed:
		c.out.Failed++
	case Refused:
		c.out.Refused++
	case Missing:
		c.out.Missing++
	}
}

func (c *check) missing() error {
	for _, m := range c.p.Missing {
		if _, known := c.known[m.Device]; known {
			return broken("device %s gave a receipt, and is said to have given none", m.Name)
		}
		d := Device{ID: m.Device, Name: m.Name, User: m.User, Result: Missing, Outcome: m.State, Reason: m.Reason}
		switch m.State {
		case groupcast.DeliveryRefused:
			d.Result = Refused
		case groupcast.DeliveryFailed:
			d.Result = Failed
		default: // owed still, or ended without its doing
		}
		c.add(d)
	}
	return nil
}
