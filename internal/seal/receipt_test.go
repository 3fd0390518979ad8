package seal

import (
	"errors"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

func fullReceipt() FullReceipt {
	return FullReceipt{
		Receipt: Receipt{
			Server: protocol.ServerID{1}, Group: protocol.GroupID{2}, Transfer: 4, Root: protocol.Digest{3},
			Device: protocol.DeviceID{4}, Outcome: "incomplete", Sequence: 5,
		},
		Path: "multicast", Entries: 30, Missing: 2, Beside: 1, Bytes: 9, Reason: protocol.Digest{6}, List: protocol.Digest{7},
	}
}

func TestAFullReceiptCoversEveryField(t *testing.T) {
	key := NewSigningKey()
	r := fullReceipt()
	signature, err := SignFullReceipt(key, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifyFullReceipt(key.Public(), r, signature); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*FullReceipt){
		"server":   func(r *FullReceipt) { r.Server[31] = 1 },
		"group":    func(r *FullReceipt) { r.Group[0] = 1 },
		"transfer": func(r *FullReceipt) { r.Transfer++ },
		"root":     func(r *FullReceipt) { r.Root[5] = 1 },
		"device":   func(r *FullReceipt) { r.Device[5] = 1 },
		"outcome":  func(r *FullReceipt) { r.Outcome = "failed" },
		"sequence": func(r *FullReceipt) { r.Sequence++ },
		"path":     func(r *FullReceipt) { r.Path = "https" },
		"entries":  func(r *FullReceipt) { r.Entries++ },
		"missing":  func(r *FullReceipt) { r.Missing++ },
		"beside":   func(r *FullReceipt) { r.Beside++ },
		"bytes":    func(r *FullReceipt) { r.Bytes++ },
		"reason":   func(r *FullReceipt) { r.Reason[31] ^= 1 },
		"list":     func(r *FullReceipt) { r.List[31] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) {
			other := r
			change(&other)
			if err := VerifyFullReceipt(key.Public(), other, signature); !errors.Is(err, ErrSignature) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	if err := VerifyReceipt(key.Public(), r.Receipt, signature); !errors.Is(err, ErrSignature) {
		t.Error("it passes for a receipt of the earlier version:", err)
	}
}

func TestReceiptsOfBothVersionsAreRead(t *testing.T) {
	key := NewSigningKey()
	want := fullReceipt()
	signed, err := want.Signed()
	if err != nil {
		t.Fatal(err)
	}
	got, full, err := OpenReceipt(key.Public(), signed, key.sign(signed))
	if err != nil || !full || got != want {
		t.Fatalf("%+v %v %v", got, full, err)
	}
	old := want.Receipt
	got, full, err = OpenReceipt(key.Public(), old.Signed(), SignReceipt(key, old))
	if err != nil || full || got.Receipt != old {
		t.Fatalf("%+v %v %v", got, full, err)
	}
}

// A device signs what it likes: no bytes under a good signature are read as something else.
func TestSignedNonsenseIsNoReceipt(t *testing.T) {
	key := NewSigningKey()
	good, err := fullReceipt().Signed()
	if err != nil {
		t.Fatal(err)
	}
	odd := fullReceipt().Receipt
	odd.Outcome = "perfect"
	outcome, path := append([]byte(nil), good...), append([]byte(nil), good...)
	outcome[len(labelFullReceipt)+receiptHead], path[len(labelFullReceipt)+receiptHead+1] = 99, 99
	for name, b := range map[string][]byte{
		"nothing": nil, "short": good[:len(good)-1], "long": append(append([]byte(nil), good...), 0),
		"no outcome": outcome, "no path": path, "another label": proofLike(), "an outcome that is none": odd.Signed(),
		"no outcome of the earlier version": odd.Signed()[:receiptBytes],
	} {
		t.Run(name, func(t *testing.T) {
			if r, _, err := OpenReceipt(key.Public(), b, key.sign(b)); err == nil {
				t.Errorf("%s was read: %+v", name, r)
			}
		})
	}
	if _, _, err := OpenReceipt(NewSigningKey().Public(), good, key.sign(good)); !errors.Is(err, ErrSignature) {
		t.Error("another's key:", err)
	}
	if _, err := (FullReceipt{Receipt: odd, Path: "https"}).Signed(); err == nil {
		t.Error("an outcome without a code was signed")
	}
}

func proofLike() []byte { return Proof{Nonce: make([]byte, 200)}.bytes() }

func TestABindingCoversEveryField(t *testing.T) {
	key, device := NewSigningKey(), NewSigningKey().Public().Bytes()
	d := Binding{Server: protocol.ServerID{1}, Device: protocol.DeviceID{2}, Key: device, Name: "pc-1", Since: 7}
	signature := SignBinding(key, d)
	if got, err := VerifyBinding(key.Public(), d, signature); err != nil || string(got.Bytes()) != string(device) {
		t.Fatal(got, err)
	}
	for name, change := range map[string]func(*Binding){
		"server": func(d *Binding) { d.Server[31] = 1 },
		"device": func(d *Binding) { d.Device[15] = 1 },
		"key":    func(d *Binding) { d.Key = NewSigningKey().Public().Bytes() },
		"short":  func(d *Binding) { d.Key = d.Key[:31] },
		"name":   func(d *Binding) { d.Name = "pc-2" },
		"since":  func(d *Binding) { d.Since++ },
	} {
		t.Run(name, func(t *testing.T) {
			other := d
			change(&other)
			if _, err := VerifyBinding(key.Public(), other, signature); err == nil {
				t.Errorf("%s is not covered", name)
			}
		})
	}
}

func TestAStatementIsOneServersAboutOneProof(t *testing.T) {
	key := NewSigningKey()
	signature := SignStatement(key, protocol.ServerID{1}, protocol.Digest{2})
	if err := VerifyStatement(key.Public(), protocol.ServerID{1}, protocol.Digest{2}, signature); err != nil {
		t.Fatal(err)
	}
	if VerifyStatement(key.Public(), protocol.ServerID{2}, protocol.Digest{2}, signature) == nil ||
		VerifyStatement(key.Public(), protocol.ServerID{1}, protocol.Digest{3}, signature) == nil {
		t.Error("another server or another proof passes")
	}
}
