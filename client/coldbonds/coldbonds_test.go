package coldbonds

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/message"
)

// cold is a key on another machine, and a bond of it that waits.
func cold(t *testing.T, expiry uint16) (*btcec.PrivateKey, Bond) {
	t.Helper()
	key, _ := btcec.PrivKeyFromBytes(bytes.Repeat([]byte{7}, 32))
	b, err := New(wire.OutPoint{Index: 3}, 1_893_456_000, [33]byte(key.PubKey().SerializeCompressed()), expiry)
	if err != nil {
		t.Fatal(err)
	}
	return key, b
}

// TestM27ColdCertificate: whichever way the key signs, the maker can prove the
// bond afterwards; no other signature is taken.
func TestM27ColdCertificate(t *testing.T) {
	for name, sign := range map[string]func(*btcec.PrivateKey, Bond) string{
		"jm": func(key *btcec.PrivateKey, b Bond) string {
			return message.EncodeSignature(bond.Certify(key, b.Key, b.Expiry).Signature)
		},
		"text, DER": func(key *btcec.PrivateKey, b Bond) string {
			return message.EncodeSignature(message.Sign(key, b.Text()))
		},
		"text, 65 bytes": func(key *btcec.PrivateKey, b Bond) string {
			text, err := message.SignText(key, b.Text(), &chaincfg.MainNetParams)
			if err != nil {
				t.Fatal(err)
			}
			return text
		},
	} {
		key, b := cold(t, 500)
		if b.Complete() {
			t.Errorf("%s: complete before it is signed", name)
		}
		signature := sign(key, b)
		if err := b.Sign(signature); err != nil || !b.Complete() {
			t.Errorf("%s: %v", name, err)
			continue
		}
		proof, err := b.Prove("J5taker", "J5maker")
		if err != nil || proof.Verify("J5taker", "J5maker") != nil || proof.Verify("J5other", "J5maker") == nil {
			t.Errorf("%s: %v", name, err)
		}
		_, other := cold(t, 500)
		for what, bad := range map[string]string{
			"for another key": signature, "empty": "", "not base64": "***",
			"zeros": base64.StdEncoding.EncodeToString(make([]byte, 65)), "noise": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 65)),
		} {
			if err := other.Sign(bad); !errors.Is(err, ErrSignature) || other.Complete() {
				t.Errorf("%s, a signature %s: %v", name, what, err)
			}
		}
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.coldbonds")
	if all, err := Load(path); err != nil || all != nil {
		t.Errorf("without a file: %v, %v", all, err)
	}
	key, signed := cold(t, 500)
	if err := signed.Sign(message.EncodeSignature(message.Sign(key, signed.Text()))); err != nil {
		t.Fatal(err)
	}
	_, waiting := cold(t, 501)
	if err := Save(durable.OS, path, []Bond{signed, waiting}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	all, err := Load(path)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d, %v", len(all), err)
	}
	for i, want := range []Bond{signed, waiting} {
		if fmt.Sprint(all[i].Certificate) != fmt.Sprint(want.Certificate) || all[i].OutPoint != want.OutPoint || all[i].Locktime != want.Locktime ||
			!bytes.Equal(all[i].Private.Reveal(), want.Private.Reveal()) {
			t.Errorf("%d: %+v, want %+v", i, all[i], want)
		}
	}
	if at, found := Waiting(all, waiting.OutPoint); !found || at != 1 {
		t.Errorf("waiting: %d, %v", at, found)
	}
	if shown := fmt.Sprintf("%v %+v %#v", all, all, all); strings.Contains(shown, fmt.Sprintf("%x", signed.Private.Reveal()[:8])) {
		t.Errorf("a key is printed: %s", shown)
	}
}

func TestCurrent(t *testing.T) {
	key, short := cold(t, 500)
	_, long := cold(t, 502)
	for _, b := range []*Bond{&short, &long} {
		if err := b.Sign(message.EncodeSignature(message.Sign(key, b.Text()))); err != nil {
			t.Fatal(err)
		}
	}
	_, waiting := cold(t, 501)
	all := []Bond{short, long, waiting}
	for height, want := range map[int32]int{100: 2, 501*2016 + 1: 1, 502*2016 + 1: 0} {
		if got := Current(all, height); len(got) != want {
			t.Errorf("at block %d: %d of use, want %d", height, len(got), want)
		}
	}
}

// TestDamaged: whatever is in the file, it is read whole or refused.
func TestDamaged(t *testing.T) {
	key, b := cold(t, 500)
	if err := b.Sign(message.EncodeSignature(message.Sign(key, b.Text()))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := Save(durable.OS, path, []Bond{b}); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "cut": string(good[:len(good)/2]),
		"newer":          strings.Replace(string(good), `"version": 1`, `"version": 2`, 1),
		"unknown field":  strings.Replace(string(good), `"version"`, `"more": 1, "version"`, 1),
		"zero key":       strings.Replace(string(good), fmt.Sprintf("%x", b.Private.Reveal()), strings.Repeat("0", 64), 1),
		"other key":      strings.Replace(string(good), fmt.Sprintf("%x", b.Private.Reveal()), strings.Repeat("1", 64), 1),
		"bond key":       strings.Replace(string(good), fmt.Sprintf("%x", b.BondKey), "02", 1),
		"outpoint":       strings.Replace(string(good), ":3", ":-3", 1),
		"too many bytes": strings.Repeat(" ", maxFile+1),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"version":1,"bonds":[]}`))
	f.Add([]byte(`{"version":1,"bonds":[{"outpoint":"` + strings.Repeat("00", 32) + `:1","bond_pubkey":"` + strings.Repeat("02", 33) +
		`","cert_privkey":"` + strings.Repeat("01", 32) + `","locktime":5,"cert_expiry":9}]}`))
	path := filepath.Join(f.TempDir(), "file")
	f.Fuzz(func(t *testing.T, data []byte) {
		bonds, err := parse(data)
		if err != nil {
			return
		}
		if err := Save(durable.OS, path, bonds); err != nil {
			t.Fatal(err)
		}
		if again, err := Load(path); err != nil || len(again) != len(bonds) {
			t.Errorf("%d bonds became %d, %v", len(bonds), len(again), err)
		}
	})
}
