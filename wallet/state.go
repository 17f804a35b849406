package wallet

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/store"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// state is what the wallet remembers besides its seed. A published state is
// not changed; save makes a new one.
type state struct {
	kind     txbuild.ScriptType            // of all addresses but those of bonds; never changed
	next     []branchPair                  // next index to hand out, by mixdepth
	frozen   map[wire.OutPoint]coins.Cause // also of coins that are gone: a reorganisation may bring them back
	labels   labels.Set                    // cloned before it is changed
	bonds    []knownBond                   // in the order in which they were found; only appended to
	seek     bool                          // there may be bonds that are not known, so that all are watched
	imported []importedKey                 // in the order of their import; only appended to
	behind   bool                          // it comes from a backup, and has not seen the chain since
	backup   backupMark                    // the newest backup
	// pending are own transactions that were signed to be sent, until they are
	// safe in the chain or cannot be mined any more.
	pending map[chainhash.Hash]pending
	// held are coins that somebody was given signatures for, and until when.
	held map[wire.OutPoint]time.Time
	// signed are what they were given for, the oldest first.
	signed []signed
	// shown are sets of coins that somebody knows to have one owner, each sorted,
	// the oldest first. A set is not changed.
	shown [][]wire.OutPoint
}

// clone returns a copy that may be changed.
func (s state) clone() state {
	frozen := make(map[wire.OutPoint]coins.Cause, len(s.frozen))
	maps.Copy(frozen, s.frozen)
	sent := make(map[chainhash.Hash]pending, len(s.pending))
	maps.Copy(sent, s.pending)
	held := make(map[wire.OutPoint]time.Time, len(s.held))
	maps.Copy(held, s.held)
	s.next, s.frozen, s.imported, s.pending, s.held = slices.Clone(s.next), frozen, slices.Clone(s.imported), sent, held
	s.bonds, s.signed, s.shown = slices.Clone(s.bonds), slices.Clone(s.signed), slices.Clone(s.shown)
	return s
}

// equal says whether there is nothing to save.
func (s state) equal(o state) bool {
	return s.kind == o.kind && slices.Equal(s.next, o.next) && maps.Equal(s.frozen, o.frozen) && s.labels.Equal(&o.labels) &&
		s.behind == o.behind && s.seek == o.seek && slices.EqualFunc(s.bonds, o.bonds, knownBond.equal) &&
		slices.EqualFunc(s.imported, o.imported, importedKey.equal) &&
		maps.EqualFunc(s.pending, o.pending, pending.equal) && maps.EqualFunc(s.held, o.held, time.Time.Equal) &&
		slices.EqualFunc(s.signed, o.signed, signed.equal) &&
		slices.EqualFunc(s.shown, o.shown, slices.Equal[[]wire.OutPoint])
}

// newState is that of a new wallet with a seed.
func newState(seed keys.Seed, cfg Config) (state, error) {
	mixdepths := cmp.Or(cfg.Mixdepths, keys.DefaultMixdepths)
	if seed.WatchOnly() {
		mixdepths = cmp.Or(cfg.Mixdepths, 1)
		if mixdepths != 1 {
			return state{}, fmt.Errorf("a watch-only wallet has 1 mixdepth, not %d", mixdepths)
		}
	}
	if mixdepths < 1 || mixdepths > MaxMixdepths {
		return state{}, fmt.Errorf("a wallet has 1 to %d mixdepths, not %d", MaxMixdepths, mixdepths)
	}
	kind := cmp.Or(cfg.Type, txbuild.P2WPKH)
	return state{
		kind: kind,
		next: make([]branchPair, mixdepths),
		seek: kind == txbuild.P2WPKH && !seed.Fresh(), // somebody may have made some
	}, nil
}

// bodyVersion grows whenever an older program could misread the body or lose a
// part of it by saving. Version 2 added pending, labels and causes of freezing;
// version 3 types other than P2WPKH, watch-only wallets, bonds, imported keys
// and backups; version 4 held coins, and pending transactions that others send;
// version 5 what the held coins were signed for; version 6 which bonds are known;
// version 7 which coins were shown, and which pending transactions lack a coin.
// Older ones can be read as well: those that may have bonds seek them.
const (
	bodyVersion = 7
	// bondsVersion is the first that tells whether there may be bonds.
	bondsVersion = 3
)

// body is the content of the wallet file as JSON. It holds the seed in plain
// text: it lives only while the sealed file is read or written.
type body struct {
	Version   int                `json:"version"`
	Network   string             `json:"network"` // name in chaincfg
	Type      txbuild.ScriptType `json:"type"`
	Entropy   string             `json:"entropy"` // hex
	Extension string             `json:"extension"`
	Master    string             `json:"master,omitempty"` // in place of the entropy, if watch-only
	Birth     int64              `json:"birth"`            // Unix time; 0 when unknown
	Next      []branchPair       `json:"next"`             // [external, internal] by mixdepth
	Frozen    frozenBody         `json:"frozen"`
	Labels    labelsBody         `json:"labels,omitempty"`
	Seek      bool               `json:"bonds"` // version 3 to 5: that there may be any
	Bonds     []bondBody         `json:"known_bonds,omitempty"`
	Imported  []importedBody     `json:"imported,omitempty"`
	Behind    bool               `json:"behind,omitempty"`
	Backup    backupMark         `json:"backup,omitzero"`
	Pending   []pendingBody      `json:"pending,omitempty"`
	Held      []heldBody         `json:"held,omitempty"`
	Signed    []signedBody       `json:"signed,omitempty"`
	Shown     [][]string         `json:"shown,omitempty"`
}

// encode writes the body of the file. The caller should clear it after use.
func (s state) encode(seed keys.Seed, params *chaincfg.Params) ([]byte, error) {
	b := body{
		Version:   bodyVersion,
		Network:   params.Name,
		Type:      s.kind,
		Entropy:   hex.EncodeToString(seed.Entropy().Reveal()),
		Extension: seed.Extension().Reveal(),
		Master:    seed.Master().Reveal(),
		Next:      s.next,
		Frozen:    encodeFrozen(s.frozen),
		Labels:    encodeLabels(s.labels),
		Seek:      s.seek,
		Bonds:     encodeBonds(s.bonds),
		Imported:  encodeImported(s.imported),
		Behind:    s.behind,
		Backup:    s.backup,
		Held:      encodeHeld(s.held),
		Shown:     encodeShown(s.shown),
	}
	if !seed.Birth().IsZero() {
		b.Birth = seed.Birth().Unix()
	}
	var err error
	if b.Pending, err = encodePending(s.pending); err != nil {
		return nil, err
	}
	if b.Signed, err = encodeSigned(s.signed); err != nil {
		return nil, err
	}
	data, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("writing the wallet: %w", err)
	}
	return data, nil
}

// decodeState reads the body. The seal vouches for it, so that whatever is
// wrong comes from another version of this program.
func decodeState(data []byte, params *chaincfg.Params) (keys.Seed, state, error) {
	fail := func(err error) (keys.Seed, state, error) {
		return keys.Seed{}, state{}, fmt.Errorf("reading the wallet: %w", err)
	}
	var v struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return fail(err)
	}
	if v.Version > bodyVersion {
		return keys.Seed{}, state{}, fmt.Errorf("%w (content %d, known is %d)", store.ErrFutureVersion, v.Version, bodyVersion)
	}
	var b body
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil {
		return fail(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return fail(errors.New("more than one value"))
	}
	if b.Network != params.Name {
		return keys.Seed{}, state{}, fmt.Errorf("%w: %s, not %s", ErrNetwork, b.Network, params.Name)
	}
	if err := keys.CheckType(b.Type); err != nil || b.Version < 1 {
		return fail(fmt.Errorf("version %d: %w", b.Version, err))
	}
	seed, err := b.seed()
	if err != nil {
		return fail(err)
	}
	st, err := b.state()
	if err != nil {
		return fail(err)
	}
	return seed, st, nil
}

func (b body) seed() (keys.Seed, error) {
	var birth time.Time
	if b.Birth != 0 {
		birth = time.Unix(b.Birth, 0)
	}
	if b.Master != "" {
		if b.Entropy != "" || b.Extension != "" || len(b.Next) != 1 {
			return keys.Seed{}, errors.New("a watch-only wallet with a seed or more than one mixdepth")
		}
		return keys.ParseMaster(b.Master, birth)
	}
	entropy, err := hex.DecodeString(b.Entropy)
	if err != nil {
		return keys.Seed{}, errors.New("the entropy is not hex")
	}
	return keys.SeedOf(secret.NewBytes(entropy), secret.NewText(b.Extension), birth)
}

func (b body) state() (state, error) {
	if len(b.Next) < 1 || len(b.Next) > MaxMixdepths {
		return state{}, fmt.Errorf("%d mixdepths", len(b.Next))
	}
	for _, pair := range b.Next {
		if max(pair[0], pair[1]) > keys.MaxIndex+1 {
			return state{}, keys.ErrPath
		}
	}
	s := state{
		kind:   b.Type,
		next:   b.Next,
		behind: b.Behind,
		backup: b.Backup,
		// Of older wallets it is not known, so that all is looked for.
		seek: b.Type == txbuild.P2WPKH && (b.Seek || b.Version < bondsVersion),
	}
	if err := s.decodeBonds(b.Bonds); err != nil {
		return state{}, err
	}
	var err error
	if s.frozen, err = b.Frozen.decode(); err != nil {
		return state{}, err
	}
	if s.labels, err = b.Labels.decode(); err != nil {
		return state{}, err
	}
	if s.pending, err = decodePending(b.Pending); err != nil {
		return state{}, err
	}
	if s.held, err = decodeHeld(b.Held); err != nil {
		return state{}, err
	}
	if s.signed, err = decodeSigned(b.Signed); err != nil {
		return state{}, err
	}
	if s.shown, err = decodeShown(b.Shown); err != nil {
		return state{}, err
	}
	return s, s.decodeImported(b.Imported)
}

// errStands: a change that failed is in the wallet file all the same, at least
// until a power cut.
var errStands = errors.New("the change cannot be taken back now; it may be in force after the next start")

// save makes a changed copy of the state durable, then puts it in force. After
// an error the state is as before, on the disk too unless it is errStands.
// Memory is never ahead of the disk.
func (w *Wallet) save(change func(*state) error) error {
	w.saving.Lock()
	defer w.saving.Unlock()
	// Only holders of saving replace the state.
	next := w.state.clone()
	if err := change(&next); err != nil {
		return err
	}
	if next.equal(w.state) {
		return nil
	}
	if err := w.backupOlder(); err != nil {
		return err
	}
	w.backupIfDue(&next)
	data, err := next.encode(w.seed, w.cfg.Params)
	if err != nil {
		return err
	}
	defer clear(data)
	if err := w.file.Save(data); err != nil {
		return w.takeBack(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = next
	return nil
}

// takeBack writes the state in force again if one that the caller was not told
// of may be on the disk instead. It returns why saving that one failed. Called
// with saving held.
func (w *Wallet) takeBack(failure error) error {
	if !errors.Is(failure, durable.ErrUnsure) {
		return failure
	}
	data, err := w.state.encode(w.seed, w.cfg.Params)
	if err == nil {
		defer clear(data)
		err = w.file.Save(data)
	}
	if err != nil {
		return fmt.Errorf("%w; %w", failure, errStands)
	}
	return failure
}
