//go:build linux

package attacker

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

// pagedTrap is a transfer of format 2 that a hostile server offers.
type pagedTrap struct {
	name   string
	files  []manifest.File
	bend   func(*format2.Offer)    // makes the offer say something else; nil: nothing
	pages  func(p *[]format2.Page) // makes of the one page others; nil: nothing
	spoil  func(t *trap)           // changes what is given over HTTPS; nil: nothing
	answer string
}

// lastEpoch is the site's epoch of all offers but one.
const lastEpoch = 9

// pagedTraps are what the hostile server offers of format 2, the harmless one last but for that of an earlier epoch.
func pagedTraps() []pagedTrap {
	setuid, huge := file("run"), file("huge")
	setuid.Mode, huge.Size = 0o4755, math.MaxInt64
	one := func(f manifest.File) []manifest.File { return []manifest.File{f} }
	list, version := Refused+groupcast.RefusedManifest, Refused+"version"
	return slices.Concat([]pagedTrap{
		{name: "parent", files: one(file("../escaped.txt")), answer: list + "entry"},
		{name: "absolute", files: one(file("/escaped.txt")), answer: list + "entry"},
		{name: "parent inside", files: one(file("a/../../escaped.txt")), answer: list + "entry"},
		{name: "link out", files: one(link("out", "../../outside")), answer: list + "entry"},
		{name: "absolute link", files: one(link("out", "/etc")), answer: list + "entry"},
		{
			name: "link, then through it", files: []manifest.File{link("a", ".."), file("a/escaped.txt")},
			answer: list + "entry",
		},
		{name: "NUL", files: one(file("a\x00b")), answer: list + "entry"},
		{name: "twice one path", files: []manifest.File{file("same.txt"), file("same.txt")}, answer: list + "entry"},
		{name: "setuid", files: one(setuid), answer: list + "entry"},
		{name: "8 EiB", files: one(huge), bend: func(o *format2.Offer) { o.Bytes = math.MaxInt64 }, answer: version},
		{
			name: "a billion files", files: one(file("many")),
			bend: func(o *format2.Offer) { o.Entries = 1_000_000_000 }, answer: Refused + "unreadable",
		},
		{
			name: "a skeleton of 2 GiB", files: one(file("long")),
			bend: func(o *format2.Offer) { o.SkeletonBytes = 2 << 30 }, answer: Refused + "unreadable",
		},
		{
			name: "more blocks than it has", files: one(file("blocks")),
			bend: func(o *format2.Offer) { o.Blocks = 9 }, answer: list + "offer",
		},
		{
			name: "codes that are not spoken", files: one(file("codes")),
			bend: func(o *format2.Offer) { o.Flags |= 1 << 12 }, answer: Refused + "unreadable",
		},
		{
			name: "another site", files: one(file("site")),
			bend: func(o *format2.Offer) { o.Site[3]++ }, answer: Refused + "site",
		},
	}, pageTraps(), []pagedTrap{
		{name: "harmless", files: one(file("harmless.txt")), answer: string(groupcast.DeliveryVerified)},
		{
			name: "an earlier epoch", files: one(file("epoch")),
			bend: func(o *format2.Offer) { o.SiteEpoch = lastEpoch - 1 }, answer: Refused + "site",
		},
	})
}

// pageTraps are transfers whose pages are not theirs, or contradict themselves.
func pageTraps() []pagedTrap {
	one, pages := func(f manifest.File) []manifest.File { return []manifest.File{f} }, Refused+"pages"
	return []pagedTrap{
		{name: "a page of another transfer", files: one(file("other")), pages: func(p *[]format2.Page) {
			(*p)[0].TransferID[0]++
		}}, // no answer: it may have been changed on its way, and is fetched again
		{name: "a page of another edition", files: one(file("edition")), pages: func(p *[]format2.Page) {
			(*p)[0].Edition++
		}},
		{name: "a page that does not follow", files: one(file("follow")), pages: func(p *[]format2.Page) {
			last := (*p)[0]
			(*p)[0].Final, (*p)[0].Finished, (*p)[0].Files = false, nil, 0
			last.Number, last.FirstBlock, last.FirstOffset, last.Leaves = 1, 1, last.Bytes, nil
			last.Previous[0]++
			*p = append(*p, last)
		}, answer: pages},
		{name: "a final page without its files", files: one(file("files")), pages: func(p *[]format2.Page) {
			(*p)[0].Finished, (*p)[0].Files = nil, 0
		}, answer: pages},
	}
}

// skeletonOf writes entries without a look at any rule.
func skeletonOf(files []manifest.File) []byte {
	var small, big uint64
	var body []byte
	last := ""
	for i := range files {
		f := &files[i]
		if f.Kind == manifest.KindFile && f.Size < manifest.BigFile {
			small += f.Size
		} else if f.Kind == manifest.KindFile {
			big += f.Size
		}
		n := 0
		for n < len(last) && n < len(f.Path) && last[n] == f.Path[n] {
			n++
		}
		body = append(body, byte(f.Kind))
		body = binary.BigEndian.AppendUint16(body, f.Mode)
		body = binary.BigEndian.AppendUint64(body, uint64(f.MTime))
		body = binary.AppendUvarint(body, uint64(n))
		body = append(binary.AppendUvarint(body, uint64(len(f.Path)-n)), f.Path[n:]...)
		if f.Kind == manifest.KindFile {
			body = binary.AppendUvarint(body, f.Size)
		} else {
			body = append(binary.AppendUvarint(body, uint64(len(f.Target))), f.Target...)
		}
		last = f.Path
	}
	head := binary.BigEndian.AppendUint32([]byte("GCS2"), uint32(len(files)))
	head = binary.BigEndian.AppendUint64(head, small)
	return append(binary.BigEndian.AppendUint64(head, big), body...)
}

// encodePaged makes and signs the offer and the pages of a trap.
func (h *hostileServer) encodePaged(t pagedTrap, i int) trap {
	var stream []byte
	var done []format2.FinishedFile
	for j := range t.files {
		if t.files[j].Kind == manifest.KindFile {
			stream = append(stream, content...)
			done = append(done, format2.FinishedFile{Entry: uint32(j), Digest: format2.ContentDigest([]byte(content))})
		}
	}
	skeleton := skeletonOf(t.files)
	leaf := format2.LeafDigest(skeleton)
	group := groupcast.AgentGroup{ID: protocol.NewGroupID(), Name: "lab", Address: "239.192.66.6:7441"}
	o := format2.Offer{
		Server: h.authority.ID(), Group: group.ID, MembershipVersion: 1, Number: protocol.OfferNo(i + 1), Floor: 1,
		Transfer: protocol.TransferNo(i + 1), TransferID: protocol.TransferID{byte(i + 1)}, SiteEpoch: lastEpoch,
		Session: protocol.NewSessionID(), Tag: protocol.SessionTag(i + 1),
		SyncKey: [32]byte(seal.NewSigningKey().Public().Bytes()),
		Anchor:  format2.Element{1}, SlotMS: 100, Lag: 3, Skeleton: format2.SkeletonDigest(leaf[:]),
		SkeletonBytes: uint64(len(skeleton)), Edition: 1, Pages: 4, Bytes: uint64(len(stream)),
		Entries: uint32(len(t.files)), SymbolSize: protocol.DefaultSymbol, MaxK: 164, Codec: format2.CodecCauchyRS,
		Hash: format2.HashBLAKE3, AEAD: format2.AEADAES256GCM, Cutter: format2.CutterFixed, LifeSeconds: 3600,
	}
	page := format2.Page{PageTerms: o.Terms(), Final: true, Finished: done, Files: uint32(len(done)), Bytes: o.Bytes}
	if len(stream) > 0 {
		o.Blocks, page.Blocks, page.Leaves = 1, 1, []protocol.Digest{format2.LeafDigest(stream)}
	}
	pages := []format2.Page{page}
	if t.pages != nil {
		t.pages(&pages)
	}
	var raws [][]byte
	for _, p := range pages {
		raws = append(raws, seal.SignPage(h.authority.SigningKey(), p))
	}
	if t.bend != nil {
		t.bend(&o)
	}
	raw := format2.AppendOffer(nil, o)
	out := trap{
		name: t.name, group: group, raw: skeleton, blocks: [][]byte{stream}, pages: raws,
		offered: groupcast.Offered{
			Offer: raw, Signature: seal.SignOffer(h.authority.SigningKey(), raw), Group: group.Name,
			Transfer: o.Transfer, Devices: 1,
		},
	}
	if t.spoil != nil {
		t.spoil(&out)
	}
	return out
}

// trapOf gives a trap; false: there is none.
func (h *hostileServer) trapOf(no protocol.TransferNo) (t trap, err error) {
	if no == 0 || int(no) > len(h.traps) {
		return t, groupcast.Errorf(groupcast.ENotFound, "no such transfer")
	}
	return h.traps[no-1], nil
}

// Skeleton gives a trap's skeleton.
func (h *hostileServer) Skeleton(
	_ context.Context, _ groupcast.Principal, no protocol.TransferNo,
) (io.ReadCloser, error) {
	t, err := h.trapOf(no)
	return io.NopCloser(bytes.NewReader(t.raw)), err
}

// TransferPages gives a trap's pages.
func (h *hostileServer) TransferPages(
	_ context.Context, _ groupcast.Principal, no protocol.TransferNo, from protocol.PageNo,
) (io.ReadCloser, error) {
	t, err := h.trapOf(no)
	var out []byte
	for _, page := range t.pages[min(int(from), len(t.pages)):] {
		out = append(out, byte(len(page)>>16), byte(len(page)>>8), byte(len(page)))
		out = append(out, page...)
	}
	return io.NopCloser(bytes.NewReader(out)), err
}

// Stream gives a trap's only block.
func (h *hostileServer) Stream(
	_ context.Context, _ groupcast.Principal, no protocol.TransferNo, asked protocol.Range,
) (io.ReadCloser, error) {
	t, err := h.trapOf(no)
	if err != nil || asked.First > 0 {
		return io.NopCloser(bytes.NewReader(nil)), err
	}
	return io.NopCloser(bytes.NewReader(append(make([]byte, 4), t.blocks[0]...))), nil
}
