package commitments

import (
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/podle"
)

// maxOutside bounds the coins whose openings the file has.
const maxOutside = 1000

// Outside is a coin, of another wallet as a rule, that a taker can commit to when
// its own coins are used up: the file has openings of commitments to it, which
// somebody with its key made. Whoever is shown one learns that the coin belongs
// to the same person as the CoinJoin.
type Outside struct {
	Coin wire.OutPoint
	Left int // openings that prove something and were not used
}

// Outside lists them in the order in which they are tried.
func (s *Store) Outside() ([]Outside, error) {
	f, err := readFile(s.cfg.Path)
	if err != nil {
		return nil, err
	}
	list := make([]Outside, len(f.External))
	for i := range f.External {
		e := &f.External[i]
		list[i].Coin = e.coin
		if _, ok := s.valid(e); !ok {
			continue
		}
		free, err := s.unused(f, e.at)
		if err != nil {
			return nil, err
		}
		list[i].Left = len(free)
	}
	return list, nil
}

// AddOutside puts openings into the file, which are on the disk when it returns:
// all or none. The error is podle.ErrProof, podle.ErrIndex or ErrFile. One that
// the file has already is no error.
func (s *Store) AddOutside(proofs ...podle.Proof) error {
	indices := make([]int, len(proofs))
	for i, proof := range proofs {
		var err error
		if indices[i], err = proof.Verify(proof.Commitment(), s.cfg.Tries); err != nil {
			return fmt.Errorf("opening of a commitment to %v: %w", proof.UTXO, err)
		}
	}
	return s.update(func(f *file) error {
		for i, proof := range proofs {
			at := slices.IndexFunc(f.External, func(e entry) bool { return e.coin == proof.UTXO })
			if at < 0 {
				at = len(f.External)
				f.External = append(f.External, entry{coin: proof.UTXO, key: proof.P})
			}
			e := &f.External[at]
			if e.key != proof.P {
				return fmt.Errorf("%w: the file has openings of %v for another key", podle.ErrProof, proof.UTXO)
			}
			if e.proofs[indices[i]] == nil {
				e.proofs[indices[i]] = &proof
			}
		}
		if len(f.External) > maxOutside {
			return fmt.Errorf("%w: more than %d coins", ErrFile, maxOutside)
		}
		return nil
	})
}

// RemoveOutside takes the openings of coins out of the file, or all of them if
// none is named, and returns how many coins that concerned. What was used stays
// recorded.
func (s *Store) RemoveOutside(which ...wire.OutPoint) (removed int, err error) {
	err = s.update(func(f *file) error {
		before := len(f.External)
		f.External = slices.DeleteFunc(f.External, func(e entry) bool {
			return len(which) == 0 || slices.Contains(which, e.coin)
		})
		removed = before - len(f.External)
		return nil
	})
	return removed, err
}
