package jmdat

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// vector is one known answer of the reference for a file.
type vector struct {
	Kind, File    string
	Password      *string
	Network       string
	SHA256        string
	Valid         bool
	Encrypted     bool
	Salt, IV, Key string
	Type          *int   `json:"type_id"`
	TypeName      string `json:"wallet_type"`
	StoredNetwork string `json:"stored_network"`
	Created       string
	WalletID      string `json:"wallet_id"`
	Entropy       string
	EntropyText   string `json:"entropy_text"`
	Mnemonic      string
	Extension     string
	MaxMixdepth   int                       `json:"max_mixdepth"`
	IndexCache    map[int]map[uint32]uint32 `json:"index_cache"`
	Imported      []struct {
		Mixdepth, Index         int
		Removed                 bool
		Type                    Type
		Key, Path, WIF, Address string
	} `json:"imported_keys"`
	Coins []struct {
		Mixdepth      int
		TxID          string
		Index         uint32
		Path, Address string
		Value, Height int64
		Frozen        bool
	}
	Meta []struct {
		TxID     string
		Index    uint32
		Disabled bool
	}
	Labels map[string]string
	Burned []struct {
		Path, RawTx, Merkle string
		Height              int32
		BlockIndex          int32 `json:"block_index"`
	}
	Plaintext string
}

// has reports whether the case tells the content of the file.
func (v vector) has() bool { return v.Type != nil }

func (v vector) name() string { return filepath.Base(v.File) }

func (v vector) password() secret.Text {
	if v.Password == nil {
		return secret.Text{}
	}
	return secret.NewText(*v.Password)
}

func (v vector) data(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", v.File))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != v.SHA256 {
		t.Fatalf("%s is not the file of the vectors", v.File)
	}
	return data
}

func vectorOf(t testing.TB, name string) vector {
	t.Helper()
	for _, v := range vectors.Load[vector](t, "jmdat.json", 82) {
		if v.name() == name {
			return v
		}
	}
	t.Fatalf("no case for %s", name)
	return vector{}
}

var networks = map[string]*chaincfg.Params{
	"mainnet": &chaincfg.MainNetParams,
	"regtest": &chaincfg.RegressionNetParams,
	"signet":  &chaincfg.SigNetParams,
}

// keyCache keeps derived keys: many files have the same password and salt.
type keyCache struct {
	mu   sync.Mutex
	keys map[string][]byte // protected by mu
}

func (c *keyCache) derive(password secret.Text, salt []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := fmt.Sprintf("%x/%x", password.RevealBytes(), salt)
	if c.keys == nil {
		c.keys = make(map[string][]byte)
	}
	if c.keys[id] == nil {
		c.keys[id] = deriveKey(password, salt)
	}
	return bytes.Clone(c.keys[id]) // the caller clears it
}
