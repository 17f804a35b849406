// Package labels keeps the user's words about addresses, coins and
// transactions, and moves them between wallets as BIP-329 files, which carry
// the frozen coins too.
//
// A label comes from the user or from a file of somebody else, and is shown in
// a terminal. So it is bounded, and no sign in it can move the cursor or turn
// the line around.
package labels

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// Bounds.
const (
	// MaxLabel is the longest label in bytes. It is that of the reference's
	// files, so that no label is lost in a move; BIP-329 lets others cut what
	// is longer than 255 characters.
	MaxLabel = 4096
	// MaxLabels is how many labels a Set holds.
	MaxLabels = 100_000
	// maxSize is how many bytes a Set holds, names and labels.
	maxSize = 16 << 20
	// maxAddress is the longest address in bytes (BIP-173: 90).
	maxAddress = 90
)

// Errors of labels.
var (
	// ErrRef: a text names no address, coin or transaction.
	ErrRef = errors.New("not an address, a coin (txid:vout) or a transaction (txid)")
	// ErrLabel: a label is too long, or holds signs that cannot be shown.
	ErrLabel = fmt.Errorf("a label is UTF-8 text of at most %d bytes without control characters", MaxLabel)
	// ErrFull: there are too many labels.
	ErrFull = fmt.Errorf("there are too many labels, or too long ones: a wallet keeps %d, of %d MiB in all", MaxLabels, maxSize>>20)
)

// Type is what a label is for, by its name in BIP-329.
type Type string

// The types that a wallet keeps.
const (
	Address Type = "addr"
	Output  Type = "output"
	Tx      Type = "tx"
)

// Ref names what a label is for, in one way only. The zero value names nothing.
type Ref struct {
	Type Type
	Text string // address, txid:vout, or txid
}

// Compare orders by type, then by text.
func (r Ref) Compare(o Ref) int {
	return cmp.Or(cmp.Compare(r.Type, o.Type), cmp.Compare(r.Text, o.Text))
}

// ForOutput names a coin.
func ForOutput(out wire.OutPoint) Ref { return Ref{Output, out.String()} }

// ForTx names a transaction.
func ForTx(id chainhash.Hash) Ref { return Ref{Tx, id.String()} }

// ParseRef reads the name of an address, a coin or a transaction. It does not
// know whether an address is valid. The error is ErrRef.
func ParseRef(text string) (Ref, error) {
	txid, _, isOutput := strings.Cut(text, ":")
	switch {
	case isOutput:
		return parseRef(Output, text)
	case len(txid) == 2*chainhash.HashSize:
		return parseRef(Tx, text)
	}
	return parseRef(Address, text)
}

// parseRef reads the name of something of a known type.
func parseRef(t Type, text string) (Ref, error) {
	switch t {
	case Output:
		out, err := coins.ParseOutPoint(strings.ToLower(text))
		if err != nil {
			return Ref{}, ErrRef
		}
		return ForOutput(out), nil
	case Tx:
		text = strings.ToLower(text)
		if raw, err := hex.DecodeString(text); err != nil || len(raw) != chainhash.HashSize {
			return Ref{}, ErrRef
		}
		return Ref{Tx, text}, nil
	case Address:
		if len(text) == 0 || len(text) > maxAddress || strings.ContainsFunc(text, notAlphanumeric) {
			return Ref{}, ErrRef
		}
		// Bech32 may come in capitals, as from a QR code; base58 starts with
		// no such letter.
		if strings.HasPrefix(text, "BC1") || strings.HasPrefix(text, "TB1") || strings.HasPrefix(text, "BCRT1") {
			text = strings.ToLower(text)
		}
		return Ref{Address, text}, nil
	}
	return Ref{}, ErrRef
}

// notAlphanumeric is true for what base58 and bech32 have no use for.
func notAlphanumeric(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// Check says whether a text may be a label: nil or ErrLabel.
func Check(text string) error {
	if len(text) > MaxLabel || !utf8.ValidString(text) || strings.ContainsFunc(text, hidden) {
		return ErrLabel
	}
	return nil
}

// hidden is true for signs that would change how the rest of a line is shown.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

// Clean makes a label of any text: hidden signs become blanks, and what is too
// long is cut.
func Clean(text string) string {
	if Check(text) == nil {
		return text
	}
	text = strings.Map(func(r rune) rune {
		if hidden(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	for cut := min(len(text), MaxLabel); ; cut-- {
		if cut == len(text) || utf8.RuneStart(text[cut]) {
			return text[:cut]
		}
	}
}

// Set holds labels, at most MaxLabels. The zero value is empty and ready.
type Set struct {
	texts map[Ref]string
	size  int // of all names and labels, bytes
}

// Put changes the label of ref; an empty text removes it. The error is ErrRef,
// ErrLabel or ErrFull.
func (s *Set) Put(ref Ref, text string) error {
	if again, err := parseRef(ref.Type, ref.Text); err != nil || again != ref {
		return ErrRef
	}
	if err := Check(text); err != nil {
		return err
	}
	old, had := s.texts[ref]
	size := s.size
	if had {
		size -= len(ref.Text) + len(old)
	}
	if text == "" {
		delete(s.texts, ref)
		s.size = size
		return nil
	}
	if size += len(ref.Text) + len(text); size > maxSize || !had && len(s.texts) == MaxLabels {
		return ErrFull
	}
	if s.texts == nil {
		s.texts = make(map[Ref]string)
	}
	s.texts[ref], s.size = text, size
	return nil
}

// Get returns the label of ref, empty if there is none.
func (s *Set) Get(ref Ref) string { return s.texts[ref] }

// Len is the number of labels.
func (s *Set) Len() int { return len(s.texts) }

// All returns a copy of the labels.
func (s *Set) All() map[Ref]string { return maps.Clone(s.texts) }

// Clone returns a copy that may be changed.
func (s *Set) Clone() Set { return Set{maps.Clone(s.texts), s.size} }

// Equal reports whether two sets hold the same.
func (s *Set) Equal(o *Set) bool { return maps.Equal(s.texts, o.texts) }
