package jmdat

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// Bounds on what is kept of a file.
const (
	maxMixdepths = 1000 // the reference makes 5
	maxParts     = 100  // the reference writes 12
	maxName      = 64   // bytes of the name of an unknown part
	// MaxLabel bounds a label in bytes.
	MaxLabel = 4096
	// MaxExtension bounds the extension of the words in bytes.
	MaxExtension = 4096
)

// Open reads the content of a wallet file. The password is not used for a file
// without one; for an encrypted file it takes part of a second to try. data is
// not changed and not kept.
//
// All errors are those of this package; errors.Is tells them apart.
func Open(data []byte, password secret.Text) (*Wallet, error) {
	return open(data, password, deriveKey)
}

// open is Open with the derivation of keys as a parameter.
func open(data []byte, password secret.Text, derive func(secret.Text, []byte) []byte) (*Wallet, error) {
	if len(data) > MaxSize {
		return nil, ErrTooLarge
	}
	mark, body := data[:min(len(data), len(plainMark))], data[min(len(data), len(plainMark)):]
	switch {
	case string(mark) == plainMark:
		return read(body)
	case string(mark) == sealedMark:
	case bytes.HasPrefix([]byte(plainMark), mark), bytes.HasPrefix([]byte(sealedMark), mark):
		return nil, ErrTruncated
	case bytes.HasPrefix(bytes.TrimSpace(mark), []byte("{")):
		return nil, ErrJSON
	default:
		return nil, ErrNotWallet
	}
	c, err := readContainer(body)
	if err != nil {
		return nil, err
	}
	key := derive(password, c.salt)
	text, err := c.decrypt(key)
	clear(key)
	if err == ErrPassword && password.Empty() {
		return nil, ErrNoPassword
	}
	if err != nil {
		return nil, err
	}
	defer clear(text)
	w, err := read(text)
	if err != nil {
		return nil, fmt.Errorf("%w (the password is right)", err)
	}
	w.Encrypted = true
	return w, nil
}

// reader collects what a file says. The parts of the text that it keeps are
// copies.
type reader struct {
	w        *Wallet
	parts    map[string]value // those not yet read
	warnings map[WarningKind]int
}

// read takes the wallet out of the text inside a file.
func read(text []byte) (*Wallet, error) {
	top, err := parse(text)
	if err != nil {
		return nil, err
	}
	if top.kind() != kindDict {
		return nil, damaged("its content is no dictionary")
	}
	r := &reader{w: &Wallet{}, parts: make(map[string]value), warnings: make(map[WarningKind]int)}
	for key, v := range top.entries() {
		if len(r.parts) == maxParts {
			return nil, fmt.Errorf("%w: it has more than %d parts", ErrTooLarge, maxParts)
		}
		r.parts[string(key)] = v
	}
	// The later parts need the earlier ones.
	for _, step := range []func() error{r.kind, r.network, r.entropy, r.extension, r.indices, r.imported, r.coins} {
		if err := step(); err != nil {
			r.w.Wipe()
			return nil, err
		}
	}
	r.created()
	r.frozen()
	r.labels()
	r.burns()
	r.cache()
	r.finish(top)
	return r.w, nil
}

// take returns a part that may be absent, and takes it off the list.
func (r *reader) take(name string) (value, bool) {
	v, ok := r.parts[name]
	delete(r.parts, name)
	return v, ok
}

// need returns a part that must be there and of the right kind.
func (r *reader) need(name string, kind byte) (value, error) {
	v, ok := r.take(name)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrMissing, name)
	}
	if v.kind() != kind {
		return nil, damaged("%s is of the wrong kind", name)
	}
	return v, nil
}

// optional returns a dictionary that may be absent, and then has no entries;
// it warns if there is something else.
func (r *reader) optional(name string, warning WarningKind) value {
	v, ok := r.take(name)
	if ok && v.kind() != kindDict {
		r.warn(warning)
	}
	return v
}

func (r *reader) warn(kind WarningKind) { r.warnings[kind]++ }

func (r *reader) kind() error {
	v, err := r.need("wallet_type", kindInt)
	if err != nil {
		return err
	}
	n, _ := v.integer()
	switch t := Type(n); t {
	case Legacy, Nested, Native, Bonds, WatchOnly:
		r.w.Type = t
		return nil
	}
	return fmt.Errorf("%w: wallet type %d", ErrUnknownVersion, n)
}

func (r *reader) network() error {
	v, err := r.need("network", kindText)
	if err != nil {
		return err
	}
	text, _ := v.text()
	switch n := Network(text); n {
	case Mainnet, Testnet, Signet:
		r.w.Network = n
		return nil
	}
	return damaged("its network is unknown")
}

// coinType is the second level of BIP44 paths on the wallet's network.
func (r *reader) coinType() int64 {
	if r.w.Network == Mainnet {
		return 0
	}
	return 1
}

func (r *reader) entropy() error {
	v, err := r.need("entropy", kindText)
	if err != nil {
		return err
	}
	raw, _ := v.text()
	if r.w.Type == WatchOnly {
		return r.xpub(raw)
	}
	n := len(raw)
	if n < 16 || n > 32 || n%4 != 0 || r.w.Type == Legacy && n != legacyEntropy {
		return damaged("its seed has %d bytes, which no version makes", n)
	}
	r.w.Entropy = secret.NewBytes(bytes.Clone(raw))
	return nil
}

// maxXPub is the length of the longest extended key as text.
const maxXPub = 112

func (r *reader) xpub(raw []byte) error {
	params := &chaincfg.MainNetParams
	if r.w.Network != Mainnet {
		params = &chaincfg.TestNet3Params
	}
	if len(raw) > maxXPub {
		return damaged("its public key has %d bytes", len(raw))
	}
	key, err := hdkeychain.NewKeyFromString(string(raw))
	if err != nil {
		return damaged("its public key is not valid")
	}
	defer key.Zero()
	if key.IsPrivate() || !bytes.Equal(key.Version(), params.HDPublicKeyID[:]) {
		return damaged("its public key is not one of this network")
	}
	r.w.XPub = string(raw)
	return nil
}

func (r *reader) extension() error {
	if r.w.Type == Legacy || r.w.Type == WatchOnly {
		return nil // has no meaning there: unknown
	}
	v, ok := r.take("seed_extension")
	if !ok {
		return nil
	}
	text, ok := v.text()
	if !ok || len(text) > MaxExtension || !utf8.Valid(text) {
		return damaged("its seed extension is not text of at most %d bytes", MaxExtension)
	}
	r.w.Extension = secret.TextOf(bytes.Clone(text))
	return nil
}

// indices reads {mixdepth: {branch: next index}}; absent indices are 0.
func (r *reader) indices() error {
	v, err := r.need("index_cache", kindDict)
	if err != nil {
		return err
	}
	for key, inner := range v.entries() {
		mixdepth, ok := number(key)
		if !ok || inner.kind() != kindDict {
			return damaged("its list of indices cannot be read")
		}
		if mixdepth >= maxMixdepths {
			return fmt.Errorf("%w: it has a mixdepth %d", ErrTooLarge, mixdepth)
		}
		for int64(len(r.w.Next)) <= mixdepth {
			r.w.Next = append(r.w.Next, [branches]uint32{})
		}
		for key, v := range inner.entries() {
			branch, ok := number(key)
			next, isInt := v.integer()
			if !ok || !isInt || branch >= branches || next < 0 || next > hardened {
				return damaged("an index of mixdepth %d cannot be read", mixdepth)
			}
			r.w.Next[mixdepth][branch] = uint32(next)
		}
	}
	if len(r.w.Next) == 0 {
		return fmt.Errorf("%w: the mixdepths", ErrMissing)
	}
	return nil
}

// number reads an index as dictionary keys hold it: decimal, no sign, no
// leading zeros, below 2^31.
func number(text []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil && n >= 0 && n < hardened && canonical(text)
}

func (r *reader) created() {
	v, ok := r.take("created")
	if !ok {
		return
	}
	text, _ := v.text()
	t, err := time.Parse("2006/01/02 15:04:05", string(text))
	if err != nil {
		r.warn(WarnCreated)
		return
	}
	r.w.Created = t
}

// finish adds what is told about the file as a whole.
func (r *reader) finish(top value) {
	for key := range top.entries() {
		if _, ok := r.parts[string(key)]; ok {
			r.w.Unknown = append(r.w.Unknown, strconv.QuoteToASCII(string(key[:min(len(key), maxName)])))
			r.warn(WarnUnknown)
		}
	}
	if r.w.Type == WatchOnly {
		r.warn(WarnWatchOnly)
	}
	for _, e := range explanations {
		if n := r.warnings[e.kind]; n > 0 {
			r.w.Warnings = append(r.w.Warnings, Warning{e.kind, n})
		}
	}
}
