package commitments

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
)

// ErrFile means that the commitment file cannot be read or is damaged.
var ErrFile = errors.New("commitment file")

// maxFile is the greatest size of the file in bytes. Each attempt adds 80.
const maxFile = 16 << 20

// file is the commitment file. Its form is that of the reference
// implementation, which can go on using it:
//
//	{"used": ["<64 hex>", ...],
//	 "external": {"<txid>:<n>": {"P": "<66 hex>",
//	     "reveal": {"0": {"P2": "<66 hex>", "s": "<64 hex>", "e": "<64 hex>"}, ...}}}}
type file struct {
	Used     []string `json:"used"`
	External external `json:"external"`

	used map[[32]byte]bool // the same as Used
}

// external is the map of openings of other coins, in the order of the file.
type external []entry

// entry is the openings of one coin; a nil proof is an index not in the file.
type entry struct {
	coin   wire.OutPoint
	key    [33]byte
	proofs [podle.Points]*podle.Proof
}

// readFile reads the file at path; a missing one is empty.
func readFile(path string) (*file, error) {
	damaged := func(err error) error {
		return fmt.Errorf("%w: %s: %w; repair it or move it away (makers then refuse some attempts)", ErrFile, path, err)
	}
	f := &file{Used: []string{}, used: map[[32]byte]bool{}}
	data, err := durable.ReadFile(path, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, nil
	case errors.Is(err, durable.ErrTooLarge):
		return nil, damaged(err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields() // writing back would lose them
	if err := decoder.Decode(f); err != nil {
		return nil, damaged(err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, damaged(errors.New("something follows the end"))
	}
	for _, text := range f.Used {
		var c [32]byte
		if err := unhex(c[:], text); err != nil {
			return nil, damaged(fmt.Errorf("used commitment %.80q: %w", text, err))
		}
		f.used[c] = true
	}
	return f, nil
}

// add records a commitment as used.
func (f *file) add(c [32]byte) {
	f.Used = append(f.Used, hex.EncodeToString(c[:]))
	f.used[c] = true
}

// encode writes the file as the reference does, with an indent of four.
func (f *file) encode() ([]byte, error) { return json.MarshalIndent(f, "", "    ") }

// fileEntry is an entry in the file.
type fileEntry struct {
	P      string                 `json:"P"`
	Reveal map[string]fileOpening `json:"reveal"`
}

type fileOpening struct {
	P2 string `json:"P2"`
	S  string `json:"s"`
	E  string `json:"e"`
}

// MarshalJSON writes the entries in their order.
func (e external) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, coin := range e {
		f := fileEntry{P: hex.EncodeToString(coin.key[:]), Reveal: make(map[string]fileOpening)}
		for index, proof := range coin.proofs {
			if proof != nil {
				f.Reveal[strconv.Itoa(index)] = fileOpening{hex.EncodeToString(proof.P2[:]), hex.EncodeToString(proof.S[:]), hex.EncodeToString(proof.E[:])}
			}
		}
		value, err := json.Marshal(f)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendQuote(out, coin.coin.String())
		out = append(append(out, ':'), value...)
	}
	return append(out, '}'), nil
}

// UnmarshalJSON reads the entries in the order of the text, which is the order
// in which they are tried.
func (e *external) UnmarshalJSON(raw []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields() // writing back would lose them
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return errors.New("external is no object")
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		var value fileEntry
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		coin, err := value.entry(name.(string))
		if err != nil {
			return fmt.Errorf("external commitments of %.100q: %w", name, err)
		}
		*e = append(*e, coin)
	}
	return nil
}

func (f fileEntry) entry(name string) (coin entry, err error) {
	if coin.coin, err = coins.ParseOutPoint(name); err != nil {
		return coin, err
	}
	if err := unhex(coin.key[:], f.P); err != nil {
		return coin, err
	}
	for text, opening := range f.Reveal {
		index, err := strconv.ParseUint(text, 10, 8)
		if err != nil || strconv.FormatUint(index, 10) != text {
			return coin, fmt.Errorf("index %.20q: want 0 to %d", text, podle.Points-1)
		}
		proof := &podle.Proof{UTXO: coin.coin, P: coin.key}
		if err := errors.Join(unhex(proof.P2[:], opening.P2), unhex(proof.S[:], opening.S), unhex(proof.E[:], opening.E)); err != nil {
			return coin, fmt.Errorf("index %s: %w", text, err)
		}
		coin.proofs[index] = proof
	}
	return coin, nil
}

// unhex fills field from exactly as many bytes of hex.
func unhex(field []byte, text string) error {
	if len(text) != hex.EncodedLen(len(field)) {
		return fmt.Errorf("%d characters instead of %d", len(text), hex.EncodedLen(len(field)))
	}
	_, err := hex.Decode(field, []byte(text))
	return err
}
