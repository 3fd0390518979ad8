package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

func TestOfferSignature(t *testing.T) {
	key := testKey(t)
	offer := wire.AppendOffer(nil, testOffer())
	signature := SignOffer(key, offer)
	if got, err := VerifyOffer(key.Public(), offer, signature); err != nil || got != testOffer() {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := range offer {
		bad := bytes.Clone(offer)
		bad[i] ^= 1
		if _, err := VerifyOffer(key.Public(), bad, signature); err == nil {
			t.Fatalf("byte %d of an offer is not signed", i)
		}
	}
	if _, err := VerifyOffer(VerifyKey{}, offer, signature); !errors.Is(err, ErrSignature) {
		t.Errorf("no key verifies: %v", err)
	}
}

func TestAnnounceAndProbe(t *testing.T) {
	key := testKey(t)
	a := wire.Announce{Server: wire.ServerPrefix{1}, Group: protocol.GroupID{2}, Number: 3}
	p := wire.Probe{Server: wire.ServerPrefix{1}, Group: protocol.GroupID{2}, Nonce: [16]byte{15: 3}}
	announce, probe := SignAnnounce(key, a), SignProbe(key, p)
	if len(announce) != 105 || len(probe) != 105 {
		t.Errorf("%d and %d bytes", len(announce), len(probe))
	}
	if got, err := VerifyAnnounce(key.Public(), announce); err != nil || got != a {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := VerifyProbe(key.Public(), probe); err != nil || got != p {
		t.Errorf("%+v, %v", got, err)
	}
	for i := range announce {
		bad := bytes.Clone(announce)
		bad[i] ^= 1
		if _, err := VerifyAnnounce(key.Public(), bad); err == nil {
			t.Errorf("byte %d may change", i)
		}
	}
	mixed := append(probe[:41:41], announce[41:]...) // the signature of one for the other
	if _, err := VerifyProbe(key.Public(), mixed); !errors.Is(err, ErrSignature) {
		t.Errorf("an announcement's signature passes for a probe's: %v", err)
	}
}

func TestReceiptCoversEveryField(t *testing.T) {
	key := testKey(t)
	r := Receipt{Transfer: 4, Outcome: "verified", Sequence: 5}
	signature := SignReceipt(key, r)
	if err := VerifyReceipt(key.Public(), r, signature); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Receipt){
		"server":   func(r *Receipt) { r.Server[31] = 1 },
		"group":    func(r *Receipt) { r.Group[0] = 1 },
		"transfer": func(r *Receipt) { r.Transfer++ },
		"root":     func(r *Receipt) { r.Root[5] = 1 },
		"device":   func(r *Receipt) { r.Device[5] = 1 },
		"outcome":  func(r *Receipt) { r.Outcome = "failed" },
		"sequence": func(r *Receipt) { r.Sequence++ },
	} {
		t.Run(name, func(t *testing.T) {
			other := r
			change(&other)
			if err := VerifyReceipt(key.Public(), other, signature); !errors.Is(err, ErrSignature) {
				t.Errorf("%s is not signed: %v", name, err)
			}
		})
	}
}

// G1: whatever prints a secret prints [redacted].
func TestSecretsDoNotPrint(t *testing.T) {
	secret := Secret([]byte("canary-canary-canary-canary-0123"))
	key, err := SigningKeyFromSeed(secret[:])
	if err != nil {
		t.Fatal(err)
	}
	session := testSession(t)
	sealer, opener := NewFeedbackSealer(secret, testID), NewFeedbackOpener(secret, testID)
	var log bytes.Buffer
	for _, v := range []any{
		secret, &secret, key, &key, session, sealer, opener, struct{ S Secret }{secret}, map[string]Secret{"k": secret},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%08b"} {
			fmt.Fprintf(&log, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		log.Write(j)
	}
	text := strings.ToLower(log.String())
	for _, canary := range []string{"canary", "63616e617279", "99 97 110", "01100011"} {
		if strings.Contains(text, canary) {
			t.Errorf("%q was printed", canary)
		}
	}
	if n := strings.Count(text, redacted); n < 60 {
		t.Errorf("only %d redactions", n)
	}
}
