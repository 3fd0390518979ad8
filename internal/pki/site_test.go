package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhichFileOfASitesIsWrong(t *testing.T) {
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pair := func(name string) (cert, key string) {
		t.Helper()
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return write(name+".pem", "CERTIFICATE", der), write(name+".key", "PRIVATE KEY", private)
	}
	cert, key := pair("a")
	_, other := pair("b")
	damaged, badKey := write("c.pem", "CERTIFICATE", []byte("x")), write("c.key", "PRIVATE KEY", []byte("x"))
	for _, k := range []struct{ cert, key, say string }{
		{cert, key, ""},
		{filepath.Join(dir, "none"), key, "--cert " + filepath.Join(dir, "none") + ": there is no such file"},
		{cert, filepath.Join(dir, "none"), "--key " + filepath.Join(dir, "none") + ": there is no such file"},
		{dir, key, "--cert " + dir + " cannot be read: "},
		{cert, "", "--key is missing"},
		{"", key, "--cert is missing"},
		{key, cert, "--cert " + key + " holds no certificate"},
		{cert, cert, "--key " + cert + " holds no private key"},
		{damaged, key, "--cert " + damaged + " holds a damaged"},
		{cert, badKey, "--key " + badKey + " holds no key"},
		{cert, other, "--key " + other + " is not the key of"},
	} {
		t.Run(fmt.Sprint(k.cert, " ", k.key, " ", k.say), func(t *testing.T) {
			_, err := sitePair(k.cert, k.key)
			if k.say == "" && err != nil || k.say != "" && (err == nil || !strings.HasPrefix(err.Error(), k.say)) {
				t.Errorf("%s with %s: %v, want %q", k.cert, k.key, err, k.say)
			}
		})
	}
}
