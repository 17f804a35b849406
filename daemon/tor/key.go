package tor

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// Names and headers of files in the folder of an onion service, as Tor has them.
const (
	secretFile   = "hs_ed25519_secret_key"
	publicFile   = "hs_ed25519_public_key"
	hostnameFile = "hostname"
	secretHead   = "== ed25519v1-secret: type0 ==\x00\x00\x00"
	publicHead   = "== ed25519v1-public: type0 ==\x00\x00\x00"
)

// maxKeyFile bounds the files, in bytes.
const maxKeyFile = 256

// Key is what an onion service's address is made of. Whoever has it can be the
// service.
type Key struct {
	expanded [64]byte // Tor: ED25519-V3, scalar and prefix
	public   ed25519.PublicKey
	address  string
}

// NewKey makes a key.
func NewKey() *Key {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails
	return keyOf(seed)
}

// KeyOf is the key of a seed of 32 bytes. It fails with ErrKey for another size.
func KeyOf(seed []byte) (*Key, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%w: a seed of %d bytes", ErrKey, len(seed))
	}
	return keyOf(seed), nil
}

func keyOf(seed []byte) *Key {
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	k := &Key{expanded: sha512.Sum512(seed), public: public, address: onion.OnionHost(public)}
	k.expanded[0] &= 248 // RFC 8032, 5.1.5
	k.expanded[31] = k.expanded[31]&63 | 64
	return k
}

// KeptKey reads the key in a folder of an onion service, ours or Tor's
// HiddenServiceDir, or makes the folder (0700) and the key in it. A constant
// address ties everything that was ever done under it together; makers go
// without. Errors match ErrKey or those of the file system.
func KeptKey(dir string) (*Key, error) {
	secret, err := readKeyFile(dir, secretFile, secretHead)
	if errors.Is(err, fs.ErrNotExist) {
		k := NewKey()
		return k, k.keep(dir)
	}
	if err != nil {
		return nil, err
	}
	public, err := readKeyFile(dir, publicFile, publicHead)
	if err != nil {
		return nil, err
	}
	k := &Key{expanded: [64]byte(secret), public: public, address: onion.OnionHost(public)}
	if known, err := KeptAddress(dir); err == nil && known != k.address {
		return nil, fmt.Errorf("%w: %s says %s, the key is that of %s", ErrKey, filepath.Join(dir, hostnameFile), known, k.address)
	}
	return k, nil
}

// keep writes the folder; the secret comes last, since it makes the rest valid.
func (k *Key) keep(dir string) error {
	if err := durable.MkdirAll(durable.OS, dir, 0o700); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{
		{hostnameFile, []byte(k.address + "\n")},
		{publicFile, append([]byte(publicHead), k.public...)},
		{secretFile, append([]byte(secretHead), k.expanded[:]...)},
	} {
		if err := durable.WriteFile(filepath.Join(dir, f.name), f.data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func readKeyFile(dir, name, head string) ([]byte, error) {
	path := filepath.Join(dir, name)
	data, err := durable.ReadFile(path, maxKeyFile)
	if err != nil {
		return nil, err
	}
	size := map[string]int{secretFile: 64, publicFile: ed25519.PublicKeySize}[name]
	key, ok := bytes.CutPrefix(data, []byte(head))
	if !ok || len(key) != size {
		return nil, fmt.Errorf("%w: %s is not in Tor's format", ErrKey, path)
	}
	return key, nil
}

// KeptAddress is the address of the onion service whose folder a Tor has been
// told by HiddenServiceDir: what its file "hostname" says. Errors match ErrKey
// or those of the file system.
func KeptAddress(dir string) (string, error) {
	path := filepath.Join(dir, hostnameFile)
	data, err := durable.ReadFile(path, maxKeyFile)
	if errors.Is(err, fs.ErrPermission) {
		return "", fmt.Errorf("%w: %s", err, joinGroup(path))
	}
	if err != nil {
		return "", err
	}
	address := strings.TrimSpace(string(data))
	if !onion.IsOnion(address) {
		return "", fmt.Errorf("%w: %s has %.80q, which is no onion address", ErrKey, path, address)
	}
	return address, nil
}

// Address is the service's, ending with ".onion".
func (k *Key) Address() string { return k.address }

// String returns stars.
func (*Key) String() string { return "***" }

// GoString returns stars.
func (*Key) GoString() string { return "***" }

// blob is the key as ADD_ONION takes it.
func (k *Key) blob() string { return "ED25519-V3:" + base64.StdEncoding.EncodeToString(k.expanded[:]) }
