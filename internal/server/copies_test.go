package server

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
)

// signed answers a challenge for a token with a key.
func (w *world) signed(token string, key seal.SigningKey, newKey []byte) (nonce, signature []byte) {
	w.Helper()
	c, err := w.Challenge(w.ctx, token)
	w.must(err)
	return c.Nonce, seal.SignProof(key, seal.Proof{Server: w.id, Nonce: c.Nonce, NewKey: newKey})
}

// enrolled is a device with its token.
func (w *world) enrolled(name string) (groupcast.LoggedIn, seal.SigningKey) {
	w.Helper()
	_, err := w.AddUser(w.ctx, local, groupcast.NewUser{Name: name, Password: password})
	w.must(err)
	key := seal.NewSigningKey()
	in, err := w.Login(w.ctx, "192.0.2.1", groupcast.Login{
		User: name, Password: password, Device: "pc", PublicKey: key.Public().Bytes(),
		ControlVersion: groupcast.ControlVersion, WireVersion: protocol.Version,
	})
	w.must(err)
	return in, key
}

func TestAQuietLoginIsWokenByItsKeyOnly(t *testing.T) {
	inBubble(t, func(w *world) {
		in, key := w.enrolled("ann")
		w.flushUses(w.ctx, nil)
		synctest.Wait()
		w.ahead.Store(int64(tokenUnused + time.Hour))
		if _, err := w.Authenticate(w.ctx, "", in.AgentToken); groupcast.ErrorCode(err) != groupcast.EUnauthorized {
			t.Fatalf("a token that was quiet for long is believed by itself: %v", err)
		}
		nonce, signature := w.signed(in.AgentToken, seal.NewSigningKey(), nil)
		if err := w.Renew(w.ctx, "", groupcast.Renewal{Token: in.AgentToken, Nonce: nonce, Signature: signature}); groupcast.ErrorCode(err) != groupcast.EUnauthorized {
			t.Fatalf("with another key: %v", err)
		}
		nonce, signature = w.signed(in.AgentToken, key, nil)
		time.Sleep(2 * time.Minute)
		if err := w.Renew(w.ctx, "", groupcast.Renewal{Token: in.AgentToken, Nonce: nonce, Signature: signature}); err == nil {
			t.Fatal("an old nonce is taken")
		}
		nonce, signature = w.signed(in.AgentToken, key, nil)
		w.must(w.Renew(w.ctx, "", groupcast.Renewal{Token: in.AgentToken, Nonce: nonce, Signature: signature}))
		_, err := w.Authenticate(w.ctx, "", in.AgentToken)
		w.must(err)
		w.must(w.RevokeDevice(w.ctx, local, in.Device.ID))
		nonce, signature = w.signed(in.AgentToken, key, nil)
		if err := w.Renew(w.ctx, "", groupcast.Renewal{Token: in.AgentToken, Nonce: nonce, Signature: signature}); groupcast.ErrorCode(err) != groupcast.EUnauthorized {
			t.Fatalf("a revoked device: %v", err)
		}
	})
}

func TestACopyGetsADeviceOfItsOwn(t *testing.T) {
	inBubble(t, func(w *world) {
		in, key := w.enrolled("ann")
		p, err := w.Authenticate(w.ctx, "192.0.2.2", in.AgentToken)
		w.must(err)
		fork := func(signer seal.SigningKey, public []byte) (groupcast.LoggedIn, error) {
			nonce, signature := w.signed(in.AgentToken, signer, public)
			return w.Fork(w.ctx, p, groupcast.Fork{Nonce: nonce, Signature: signature, PublicKey: public, Device: "pc", Machine: "m", CLIToken: in.CLIToken})
		}
		own, other, third := seal.NewSigningKey().Public().Bytes(), seal.NewSigningKey().Public().Bytes(), seal.NewSigningKey().Public().Bytes()
		if _, err := fork(seal.NewSigningKey(), own); groupcast.ErrorCode(err) != groupcast.EUnauthorized {
			t.Fatalf("without the key: %v", err)
		}
		first, err := fork(key, own)
		w.must(err)
		again, err := fork(key, own)
		w.must(err)
		if first.Device.ID == in.Device.ID || again.Device.ID != first.Device.ID || first.Device.Name != "pc-2" {
			t.Fatalf("first %s %s, again %s, of %s", first.Device.ID, first.Device.Name, again.Device.ID, in.Device.ID)
		}
		second, err := fork(key, other)
		w.must(err)
		if second.Device.ID == first.Device.ID {
			t.Fatal("a copy that was seen just now lost its device")
		}
		time.Sleep(idleBefore + time.Minute)
		reset, err := fork(key, third)
		w.must(err)
		if reset.Device.ID != first.Device.ID {
			t.Fatal("a disk that was reset got one more device")
		}
		if _, err := w.Authenticate(w.ctx, "", first.AgentToken); groupcast.ErrorCode(err) != groupcast.EUnauthorized {
			t.Fatalf("the token from before the reset: %v", err)
		}
		cli, err := w.Authenticate(w.ctx, "", second.CLIToken)
		w.must(err)
		w.must(w.Logout(w.ctx, cli))
		if _, err := w.store.Device(w.ctx, second.Device.ID); groupcast.ErrorCode(err) != groupcast.ENotFound {
			t.Fatalf("the copy that logged out: %v", err)
		}
		_, err = w.Authenticate(w.ctx, "", in.CLIToken)
		w.must(err)
	})
}

func TestALoginLastsAsLongAsItIsOwed(t *testing.T) {
	w := &Server{now: func() time.Time { return time.Unix(1_800_000_000, 0) }}
	used := w.now().Add(-100 * 24 * time.Hour)
	for _, c := range []struct {
		login store.DeviceLogin
		want  time.Time
	}{
		{store.DeviceLogin{}, time.Time{}},
		{store.DeviceLogin{LastUsed: used}, used.Add(machineUnused)},
		{store.DeviceLogin{LastUsed: used, OwedUntil: used.Add(machineUnused + time.Hour)}, used.Add(machineUnused + time.Hour)},
	} {
		t.Run(fmt.Sprint(c.want), func(t *testing.T) {
			var d groupcast.Device
			if w.lasts(&d, c.login); !d.LoginEnds.Equal(c.want) {
				t.Errorf("%+v ends %v, want %v", c.login, d.LoginEnds, c.want)
			}
		})
	}
}
