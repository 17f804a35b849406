package commitments

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

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

// external is the map of openings that add-utxo made, in the order of the file,
// together with the text it was read from.
type external struct {
	raw     json.RawMessage
	entries []entry
}

// entry is the openings of one coin; a nil proof is an index not in the file.
type entry struct {
	proofs [podle.Points]*podle.Proof
}

// readFile reads the file at path; a missing one is empty.
func readFile(path string) (*file, error) {
	damaged := func(err error) error {
		return fmt.Errorf("%w: %s: %w; repair it or move it away (makers then refuse some attempts)", ErrFile, path, err)
	}
	f := &file{used: map[[32]byte]bool{}}
	in, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	} else if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if len(data) > maxFile {
		return nil, damaged(errors.New("too large"))
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
func (f *file) encode() ([]byte, error) {
	if f.External.raw == nil {
		f.External.raw = json.RawMessage("{}")
	}
	return json.MarshalIndent(f, "", "    ")
}

// MarshalJSON writes what was read.
func (e external) MarshalJSON() ([]byte, error) { return e.raw, nil }

// UnmarshalJSON reads the entries in the order of the text, which is the order
// in which they are tried.
func (e *external) UnmarshalJSON(raw []byte) error {
	e.raw = bytes.Clone(raw)
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return errors.New("external is no object")
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		var value struct {
			P      string
			Reveal map[string]struct{ P2, S, E string }
		}
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		var coin entry
		for i := range podle.Points {
			opening, ok := value.Reveal[fmt.Sprint(i)]
			if !ok {
				continue
			}
			proof := new(podle.Proof)
			if proof.UTXO, err = coins.ParseOutPoint(name.(string)); err != nil {
				return err
			}
			if err := errors.Join(unhex(proof.P[:], value.P), unhex(proof.P2[:], opening.P2),
				unhex(proof.S[:], opening.S), unhex(proof.E[:], opening.E)); err != nil {
				return fmt.Errorf("external commitment %d of %s: %w", i, name, err)
			}
			coin.proofs[i] = proof
		}
		e.entries = append(e.entries, coin)
	}
	return nil
}

// unhex fills field from exactly as many bytes of hex.
func unhex(field []byte, text string) error {
	if len(text) != hex.EncodedLen(len(field)) {
		return fmt.Errorf("%d characters instead of %d", len(text), hex.EncodedLen(len(field)))
	}
	_, err := hex.Decode(field, []byte(text))
	return err
}
