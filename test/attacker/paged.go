//go:build linux

package attacker

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// forgePages sends, for every page that a SYNC declares, another one of the declared length: that of the same number
// of the transfer before, which the server signed, else one that is signed by somebody else. Of pages that are not
// declared yet it sends the first symbols.
func forgePages(ctx context.Context, p Plan, r *Report) error {
	var before [][]byte
	seen := make(map[*forger]int)
	return run(ctx, p, r, func(f *forger, h heard) {
		if h.header.Kind != wire.KindSync || f.Offer.Paged == nil {
			return
		}
		s, err := format2.ParseSync(h.body[:len(h.body)-wire.SignatureBytes])
		if err != nil {
			return
		}
		if _, known := seen[f]; !known {
			go func() {
				pages, err := f.member.pages(ctx, f.Offer.Transfer)
				f.mu.Lock()
				defer f.mu.Unlock()
				if say("%d pages of transfer %d: %v", len(pages), f.Offer.Transfer, err); err == nil {
					before = pages
				}
			}()
		}
		for n := max(seen[f], int(s.Pages)-len(s.Lengths)); n < int(s.Pages); n++ {
			page := f.falsePage(n, s.Lengths[n-int(s.Pages)+len(s.Lengths)])
			if n < len(before) && len(before[n]) == len(page) {
				page = before[n]
			}
			f.block(f.Offer.Paged.FirstPage()+protocol.BlockNumber(n), page)
			r.Blocks++
		}
		seen[f] = int(s.Pages)
		f.symbol(f.high+1, f.Offer.Paged.FirstPage()+protocol.BlockNumber(s.Pages), format2.MaxPageBytes, 0)
	})
}

// pages fetches what there is of a transfer's pages.
func (m *Member) pages(ctx context.Context, no protocol.TransferNo) (out [][]byte, err error) {
	body, err := m.Client.Pages(ctx, no, 0)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	for {
		var head [4]byte
		if _, err := io.ReadFull(body, head[1:]); err == io.EOF {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		page := make([]byte, min(int(binary.BigEndian.Uint32(head[:])), format2.MaxPageBytes))
		if _, err := io.ReadFull(body, page); err != nil {
			return nil, err
		}
		out = append(out, page)
	}
}

// falsePage is a page of the session's transfer that somebody else signed, as long as the genuine one.
func (f *forger) falsePage(n, length int) []byte {
	p := format2.Page{PageTerms: f.Offer.Paged.Terms(), Number: protocol.PageNo(n)}
	leaves := (length - len(seal.SignPage(f.member.key, p))) / len(protocol.Digest{})
	p.Leaves = make([]protocol.Digest, min(max(leaves, 0), format2.MaxLeaves))
	page := seal.SignPage(f.member.key, p)
	return append(page, make([]byte, max(0, length-len(page)))...)[:length]
}

// block sends all source symbols of a block.
func (f *forger) block(b protocol.BlockNumber, content []byte) {
	size := int(f.Offer.SymbolSize)
	for i := range f.k(len(content)) {
		symbol := make([]byte, size)
		copy(symbol, content[i*size:])
		f.put(wire.KindData, f.high+1, wire.AppendData(nil, wire.Data{
			Block: b, Length: len(content), Index: protocol.SymbolIndex(i), Symbol: symbol,
		}))
	}
}

// receiptLies are what a receipt says that nobody may believe.
var receiptLies = []struct {
	name string
	bend func(*groupcast.Receipt)
}{
	{"without the final page", func(r *groupcast.Receipt) { r.Root = protocol.Digest{} }},
	{"a root that is none", func(r *groupcast.Receipt) { r.Root[0]++ }},
	{"an edition that is over", func(r *groupcast.Receipt) { r.Paged.Edition-- }},
	{"an edition to come", func(r *groupcast.Receipt) { r.Paged.Edition++ }},
	{"another skeleton", func(r *groupcast.Receipt) { r.Paged.Skeleton[0]++ }},
	{"another transfer", func(r *groupcast.Receipt) { r.Paged.TransferID[0]++ }},
	{"another site", func(r *groupcast.Receipt) { r.Paged.Site[0]++ }},
	{"with a file missing", func(r *groupcast.Receipt) { r.Missing = 1 }},
	{"more void than there is", func(r *groupcast.Receipt) { r.Void = r.Entries + 1 }},
	{"of format 1", func(r *groupcast.Receipt) { r.Paged, r.Version = nil, groupcast.ReceiptVersion }},
	{"an older kind of receipt", func(r *groupcast.Receipt) { r.Paged, r.Version = nil, 0 }},
}

// ReceiptLies are how many false receipts the attacker sends of a transfer.
func ReceiptLies() int { return len(receiptLies) + 1 }

// falseReceipts answers a transfer with false receipts, each signed by the member's own device, one by another, and
// with a true one at last. The report says by their names how each was answered.
func falseReceipts(ctx context.Context, p Plan, r *Report) error {
	m, err := Login(ctx, p)
	if err != nil {
		return err
	}
	r.Answers = make(map[string]int)
	return m.attach(ctx, func(ctx context.Context, s *Session) {
		o := s.Offer.Paged
		if o == nil {
			say("transfer %d is of format 1", s.Offer.Transfer)
			return
		}
		var root protocol.Digest
		for root == (protocol.Digest{}) && ctx.Err() == nil {
			pages, err := m.pages(ctx, o.Transfer)
			if err != nil || len(pages) == 0 {
				say("no pages: %v", err)
				return
			}
			signed, _, _ := seal.SplitPage(pages[len(pages)-1])
			if page, err := format2.ParsePage(signed); err == nil && page.Final {
				root = format2.Root(signed)
			}
		}
		send := func(name string, key seal.SigningKey, bend func(*groupcast.Receipt)) {
			x, err := m.receipt(key, o, root, uint64(r.Sent+1), bend)
			if err == nil {
				r.Sent++
				err = m.Client.Receipt(ctx, x)
			}
			answer := "taken"
			if err != nil {
				answer = word(err)
			}
			r.Answers[name+": "+answer]++
		}
		for _, lie := range receiptLies {
			send(lie.name, m.key, lie.bend)
		}
		send("of another device", seal.NewSigningKey(), func(*groupcast.Receipt) {})
		send(Truth, m.key, func(*groupcast.Receipt) {})
		say("receipts sent")
	})
}

// Truth is what the true receipt is called in the report.
const Truth = "the truth"

// receipt signs that all of a transfer is here, once it is bent.
func (m *Member) receipt(
	key seal.SigningKey, o *format2.Offer, root protocol.Digest, sequence uint64, bend func(*groupcast.Receipt),
) (groupcast.Receipt, error) {
	r := groupcast.Receipt{
		Transfer: o.Transfer, Root: root, Outcome: groupcast.DeliveryVerified, Path: groupcast.PathMulticast,
		Sequence: sequence, Version: groupcast.ReceiptVersionPaged, List: groupcast.EntriesDigest(nil),
		Paged: &groupcast.PagedReceipt{TransferID: o.TransferID, Skeleton: o.Skeleton, Edition: o.Edition, Site: o.Site},
	}
	r.Entries = int(o.Entries)
	bend(&r)
	if r.Paged == nil {
		full := seal.FullReceipt{Receipt: seal.Receipt{
			Server: o.Server, Group: o.Group, Transfer: o.Transfer, Root: root, Device: m.In.Device.ID,
			Outcome: string(r.Outcome), Sequence: sequence,
		}}
		if r.Signature = seal.SignReceipt(key, full.Receipt); r.Version == 0 {
			return r, nil
		}
		full.Path, full.Entries = string(r.Path), uint32(r.Entries)
		full.Reason, full.List = groupcast.ReasonDigest(""), r.List
		var err error
		r.Signature, err = seal.SignFullReceipt(key, full)
		return r, err
	}
	signed := format2.AppendReceipt(nil, format2.Receipt{ // what package seal would not sign, too
		Server: o.Server, Group: o.Group, Transfer: o.Transfer, TransferID: r.Paged.TransferID,
		Skeleton: r.Paged.Skeleton, Edition: r.Paged.Edition, Root: r.Root, Device: m.In.Device.ID, Site: r.Paged.Site,
		Sequence: sequence, Outcome: format2.OutcomeVerified, Path: format2.PathMulticast, Entries: uint32(r.Entries),
		Missing: uint32(r.Missing), Void: uint32(r.Void), Reason: groupcast.ReasonDigest(r.Reason), List: r.List,
	})
	r.Signature = ed25519.Sign(ed25519.NewKeyFromSeed(key.Seed()), signed)
	return r, nil
}

// hostileNumbers asks, as a member who is owed a transfer, for parts of it under numbers that there are not, and says
// that it lacks what there is not. The report counts the answers by their status; Failed are those that took longer
// than a server may hold them.
func hostileNumbers(ctx context.Context, p Plan, r *Report) error {
	m, err := Login(ctx, p)
	if err != nil {
		return err
	}
	a := newAsker(p)
	a.http.Timeout = 30 * time.Second
	r.Answers = make(map[string]int)
	return m.attach(ctx, func(ctx context.Context, s *Session) {
		if s.Offer.Paged == nil {
			say("transfer %d is of format 1", s.Offer.Transfer)
			return
		}
		base := fmt.Sprintf("/api/v1/agent/transfers/%d", s.Offer.Transfer)
		ask := func(method, path string, body []byte) {
			begun := time.Now()
			status, _, text, err := a.do(ctx, method, path, body, func(q *http.Request) {
				bearer(m.In.AgentToken)(q)
				q.Header.Set("Content-Type", "application/octet-stream")
			})
			if r.Sent++; err != nil || time.Since(begun) > 15*time.Second {
				r.Failed++
				say("%s %s: %v after %v", method, path, err, time.Since(begun))
			}
			if r.Answers[fmt.Sprint(status)]++; status >= 500 {
				say("%s %s: %d %s", method, path, status, text)
			}
		}
		for _, n := range []string{
			"0", "-1", "1e3", "0x10", "00", "65535", "65536", "16777215", "16777216", "4294967295", "4294967296",
			"9223372036854775808", "18446744073709551615", "18446744073709551616", strings.Repeat("9", 400),
			"%00", "1%2f2", "+1",
		} {
			ask("GET", base+"/stream/"+n+"?count=1", nil)
			ask("GET", base+"/stream/0?count="+n, nil)
			ask("GET", base+"/pages?from="+n, nil)
			ask("GET", "/api/v1/agent/transfers/"+n+"/skeleton", nil)
			ask("GET", "/api/v1/agent/sessions/"+n+"/clock", nil)
		}
		ask("GET", "/api/v1/agent/sessions/00112233445566778899aabbccddeeff/clock", nil)
		junk := make([]byte, 8<<20)
		_, _ = rand.Read(junk)
		for _, body := range [][]byte{
			{0},
			junk[:1<<20], junk, []byte("GCL2"), append([]byte("GCL2\xff\xff\xff\xff"), bytes.Repeat([]byte{3}, 1000)...),
			append([]byte("GCL2\x01\x00\x00\x00"), bytes.Repeat([]byte{1}, 256)...),
			[]byte("GCL2\x00\x00\x00\x05\x02\xff\xff\x00\x01"),
		} {
			ask("PUT", base+"/lacks", body)
		}
		say("all was asked")
	})
}
