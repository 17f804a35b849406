// Package coldbonds keeps what lets a maker speak for fidelity bonds whose keys
// are on another machine, in a hardware signer for example: a key of the maker's
// own for each bond, and the certificate in which the bond's key says that it may
// speak until a block. Who has the file can pose as the owner of the bonds until
// then, but never spend them.
package coldbonds

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/message"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// Errors of this package.
var (
	// ErrFile: the file cannot be read or is damaged.
	ErrFile = errors.New("file of cold fidelity bonds")
	// ErrSignature: a text is no signature by the key of the bond over what was
	// to be signed.
	ErrSignature = errors.New("not a signature of the bond's key over the text to sign")
)

const (
	maxFile = 1 << 20 // bytes
	// Max is how many bonds the file has at most; the oldest are dropped.
	Max = 100
)

// Bond is a fidelity bond of another machine.
type Bond struct {
	OutPoint wire.OutPoint
	Locktime uint32 // Unix time in seconds
	// Certificate has no Signature while it waits for it.
	bond.Certificate
	Private secret.Bytes // of Certificate.Key, 32 bytes
}

// New makes a key for a bond, to be certified up to the end of a period
// (bond.Expiry). Text is what is to be signed.
func New(out wire.OutPoint, locktime uint32, bondKey [btcec.PubKeyBytesLenCompressed]byte, expiry uint16) (Bond, error) {
	key, err := btcec.NewPrivateKey()
	if err != nil {
		return Bond{}, fmt.Errorf("drawing a key for a certificate: %w", err)
	}
	b := Bond{OutPoint: out, Locktime: locktime, Private: secret.NewBytes(key.Serialize())}
	b.Certificate = bond.Certificate{Key: [btcec.PubKeyBytesLenCompressed]byte(key.PubKey().SerializeCompressed()), Expiry: expiry, BondKey: bondKey}
	return b, nil
}

// Complete reports whether the certificate is signed.
func (b Bond) Complete() bool { return len(b.Signature) > 0 }

// Sign takes the signature in: base64 of DER, as jm gives it, or of 65 bytes, as
// wallets sign texts. The error is ErrSignature.
func (b *Bond) Sign(text string) error {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return fmt.Errorf("%w: want base64", ErrSignature)
	}
	signed := b.Certificate
	if len(raw) == 65 {
		if raw, err = derOf(raw); err != nil {
			return err
		}
	}
	signed.Signature = raw
	if signed.Verify() != nil {
		return ErrSignature
	}
	b.Certificate = signed
	return nil
}

// derOf turns a signature from which the key can be recovered into DER.
func derOf(compact []byte) ([]byte, error) {
	var r, s btcec.ModNScalar
	if r.SetByteSlice(compact[1:33]) || s.SetByteSlice(compact[33:]) || r.IsZero() || s.IsZero() {
		return nil, ErrSignature
	}
	return ecdsa.NewSignature(&r, &s).Serialize(), nil
}

// Prove makes the proof for a taker. The certificate must be complete.
func (b Bond) Prove(taker, maker string) (bond.Proof, error) {
	key, _ := btcec.PrivKeyFromBytes(b.Private.Reveal())
	defer key.Zero()
	return b.Certificate.Prove(key, b.OutPoint, b.Locktime, taker, maker)
}

// The form of the file.
type (
	document struct {
		Version int     `json:"version"`
		Bonds   []entry `json:"bonds"`
	}
	entry struct {
		OutPoint  string `json:"outpoint"`
		Locktime  uint32 `json:"locktime"`
		BondKey   string `json:"bond_pubkey"`
		Private   string `json:"cert_privkey"`
		Expiry    uint16 `json:"cert_expiry"`
		Signature string `json:"signature,omitempty"` // base64 of DER
	}
)

const version = 1

// Load reads the file at path; a missing one has no bonds. The errors are
// ErrFile.
func Load(path string) ([]Bond, error) {
	data, err := durable.ReadFile(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	bonds, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w; put it right or move it away", ErrFile, path, err)
	}
	return bonds, nil
}

func parse(data []byte) ([]Bond, error) {
	var doc document
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields() // writing back would lose them
	switch err := decoder.Decode(&doc); {
	case err != nil:
		return nil, err
	case doc.Version != version:
		return nil, fmt.Errorf("it is of version %d, of a newer program", doc.Version)
	case len(doc.Bonds) > Max:
		return nil, fmt.Errorf("it has more than %d bonds", Max)
	}
	var bonds []Bond
	for i, e := range doc.Bonds {
		b, err := e.bond()
		if err != nil {
			return nil, fmt.Errorf("bond %d: %w", i+1, err)
		}
		bonds = append(bonds, b)
	}
	return bonds, nil
}

func (e entry) bond() (b Bond, err error) {
	if b.OutPoint, err = coins.ParseOutPoint(e.OutPoint); err != nil {
		return b, err
	}
	bondKey, err := hex.DecodeString(e.BondKey)
	if err != nil || len(bondKey) != btcec.PubKeyBytesLenCompressed {
		return b, errors.New("bond_pubkey is no compressed key")
	}
	private, err := hex.DecodeString(e.Private)
	var scalar btcec.ModNScalar
	if err != nil || len(private) != btcec.PrivKeyBytesLen || scalar.SetByteSlice(private) || scalar.IsZero() {
		return b, errors.New("cert_privkey is no key")
	}
	_, public := btcec.PrivKeyFromBytes(private)
	b.Locktime, b.Private = e.Locktime, secret.NewBytes(private)
	b.Key, b.BondKey, b.Expiry = [33]byte(public.SerializeCompressed()), [33]byte(bondKey), e.Expiry
	if e.Signature == "" {
		return b, nil
	}
	if b.Signature, err = message.DecodeSignature(e.Signature); err == nil {
		err = b.Certificate.Verify()
	}
	return b, err
}

// Save writes the file at path, durably, readable by its owner alone.
func Save(files durable.System, path string, bonds []Bond) error {
	doc := document{Version: version, Bonds: []entry{}}
	for _, b := range bonds[max(0, len(bonds)-Max):] {
		e := entry{
			OutPoint: b.OutPoint.String(), Locktime: b.Locktime, BondKey: hex.EncodeToString(b.BondKey[:]),
			Private: hex.EncodeToString(b.Private.Reveal()), Expiry: b.Expiry,
		}
		if b.Complete() {
			e.Signature = message.EncodeSignature(b.Signature)
		}
		doc.Bonds = append(doc.Bonds, e)
	}
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.WriteFileOn(files, path, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("saving cold fidelity bonds: %w", err)
	}
	return nil
}

// Waiting returns the newest bond at an outpoint whose certificate is not signed
// yet.
func Waiting(bonds []Bond, out wire.OutPoint) (at int, found bool) {
	for i, b := range slices.Backward(bonds) {
		if b.OutPoint == out && !b.Complete() {
			return i, true
		}
	}
	return 0, false
}

// Current drops what has no use any more at a block height: certificates that
// ended, and those that a longer one of the same bond follows.
func Current(bonds []Bond, height int32) (current []Bond) {
	longest := make(map[wire.OutPoint]uint16)
	for _, b := range bonds {
		if b.Complete() {
			longest[b.OutPoint] = max(longest[b.OutPoint], b.Expiry)
		}
	}
	return slices.DeleteFunc(slices.Clone(bonds), func(b Bond) bool {
		return b.Expired(height) || b.Complete() && b.Expiry < longest[b.OutPoint]
	})
}
