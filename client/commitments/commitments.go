// Package commitments chooses what a taker commits to and records it before it
// is sent. A coin can be committed to a few times only (makers accept the
// indices below three), every attempt costs one, and makers refuse one that was
// used before; so the record must survive whatever happens.
package commitments

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/gofrs/flock"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
)

// Config says where the record is and what makers accept. The last three are
// settings of the market that all participants share.
type Config struct {
	Path    string         // the commitment file; its folder exists
	Files   durable.System // how it is written; nil for the operating system
	Tries   int            // taker_utxo_retries: indices 0..Tries-1 are accepted, 1..256
	Age     int32          // taker_utxo_age: least confirmations of a coin
	Percent int            // taker_utxo_amtpercent: least value, in percent of the amount
}

// Store is the taker's record. It is safe for use from several goroutines, and
// several processes may share the file.
type Store struct {
	cfg Config
	mu  sync.Mutex // held while the file is locked
}

// Prover makes proofs for the wallet's coins; wallet.Wallet does.
type Prover interface {
	Commit(c coins.Coin, index int) (podle.Proof, error)
}

// Node knows unspent outputs; chain.Backend does.
type Node interface {
	TxOut(ctx context.Context, out wire.OutPoint) (chain.TxOut, error)
}

// Open checks that the record can be read.
func Open(cfg Config) (*Store, error) {
	if cfg.Tries < 1 || cfg.Tries > podle.Points || cfg.Percent < 0 || cfg.Percent > 100 {
		return nil, fmt.Errorf("commitments: %d tries or %d percent out of range", cfg.Tries, cfg.Percent)
	}
	if cfg.Files == nil {
		cfg.Files = durable.OS
	}
	cfg.Path = filepath.Clean(cfg.Path)
	if _, err := readFile(cfg.Path); err != nil {
		return nil, err
	}
	return &Store{cfg: cfg}, nil
}

// Next returns the opening of a commitment that was not used before, recorded
// as used: that is on the disk when Next returns. It tries the selected inputs
// of the transaction in their order, then the other coins of their mixdepth,
// then the external openings of the file in theirs (spec: commitments 6.3).
//
// amount is that of the CoinJoin. Without a commitment the error is a
// *NoneError; with an answer missing from the node it is that error.
func (s *Store) Next(ctx context.Context, node Node, prover Prover, amount sats.Amount,
	selected, others []coins.Coin) (podle.Proof, error) {
	none := s.none()
	return s.record(func(f *file) (podle.Proof, error) {
		for free, err := range s.free(ctx, f, node, prover, amount, slices.Concat(selected, others), none) {
			if err != nil {
				return podle.Proof{}, err
			}
			return free[0], nil
		}
		return podle.Proof{}, none
	})
}

// Budget is what is left to commit to.
type Budget struct {
	Left int        // commitments that makers would accept now
	Wait int32      // after how many blocks a coin that is too young gives more; 0: none does
	None *NoneError // why there is nothing; of use when Left is 0
}

// Budget counts what Next would return one after the other.
func (s *Store) Budget(ctx context.Context, node Node, prover Prover, amount sats.Amount,
	selected, others []coins.Coin) (Budget, error) {
	f, err := readFile(s.cfg.Path)
	if err != nil {
		return Budget{}, err
	}
	b := Budget{None: s.none()}
	for free, err := range s.free(ctx, f, node, prover, amount, slices.Concat(selected, others), b.None) {
		if err != nil {
			return Budget{}, err
		}
		b.Left += len(free)
	}
	b.Wait = b.None.Wait
	return b, nil
}

func (s *Store) none() *NoneError {
	return &NoneError{Age: s.cfg.Age, Percent: s.cfg.Percent, Tries: s.cfg.Tries}
}

// free goes through the coins that makers accept a commitment to, then the
// openings of the file, and yields for each its proofs that were not used, the
// next to use first. What is left out it counts in none. An error is the last
// it yields.
func (s *Store) free(ctx context.Context, f *file, node Node, prover Prover, amount sats.Amount,
	list []coins.Coin, none *NoneError) iter.Seq2[[]podle.Proof, error] {
	return func(yield func([]podle.Proof, error) bool) {
		// next reports whether to go on after a coin.
		next := func(out wire.OutPoint, owns func(script []byte) bool, at func(int) (podle.Proof, error)) bool {
			txOut, err := s.lookUp(ctx, node, out, amount, none)
			if err != nil {
				yield(nil, err)
				return false
			}
			if txOut == nil || !owns(txOut.Script) {
				return true
			}
			proofs, err := s.unused(f, at)
			if err != nil {
				yield(nil, err)
				return false
			}
			if len(proofs) == 0 {
				none.Used++
				return true
			}
			return yield(proofs, nil)
		}
		for _, c := range list {
			owns := func(script []byte) bool { return bytes.Equal(script, c.Script) }
			if !next(c.OutPoint, owns, func(i int) (podle.Proof, error) { return prover.Commit(c, i) }) {
				return
			}
		}
		for _, entry := range f.External {
			if first, ok := s.valid(&entry); ok && !next(first.UTXO, first.Owns, entry.at) {
				return
			}
		}
	}
}

// Tried returns, for each coin, how many of its commitments are used up, 0 to
// Tries: one more than the highest index that was used. Makers accept no others,
// so that such a coin is worth nothing to a taker any more.
func (s *Store) Tried(prover Prover, list []coins.Coin) ([]int, error) {
	f, err := readFile(s.cfg.Path)
	if err != nil {
		return nil, err
	}
	tried := make([]int, len(list))
	for i, c := range list {
		for index := s.cfg.Tries - 1; index >= 0 && tried[i] == 0; index-- {
			proof, err := prover.Commit(c, index)
			if err != nil {
				return nil, fmt.Errorf("making a commitment: %w", err)
			}
			if f.used[proof.Commitment()] {
				tried[i] = index + 1
			}
		}
	}
	return tried, nil
}

// errMissing means that the file has no opening for an index.
var errMissing = errors.New("no opening with this index")

// unused returns the proofs of the indices above all used ones, within the
// tries. Lower indices are not tried again: a peer that saw the higher one may
// have seen them too.
func (s *Store) unused(f *file, at func(index int) (podle.Proof, error)) (free []podle.Proof, err error) {
	for i := s.cfg.Tries - 1; i >= 0; i-- {
		proof, err := at(i)
		if errors.Is(err, errMissing) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("making a commitment: %w", err)
		}
		if f.used[proof.Commitment()] {
			break
		}
		free = append(free, proof)
	}
	slices.Reverse(free)
	return free, nil
}

// at returns the opening with an index, or errMissing.
func (e *entry) at(index int) (podle.Proof, error) {
	if e.proofs[index] == nil {
		return podle.Proof{}, errMissing
	}
	return *e.proofs[index], nil
}

// valid takes openings that prove nothing out of an entry of the file and
// returns the first of the others.
func (s *Store) valid(e *entry) (first *podle.Proof, ok bool) {
	for i, proof := range e.proofs[:s.cfg.Tries] {
		if proof == nil {
			continue
		}
		if index, err := proof.Verify(proof.Commitment(), s.cfg.Tries); err != nil || index != i {
			e.proofs[i] = nil
		} else if first == nil {
			first = proof
		}
	}
	return first, first != nil
}

// lookUp returns the coin if makers accept it; otherwise nil.
func (s *Store) lookUp(ctx context.Context, node Node, out wire.OutPoint, amount sats.Amount,
	none *NoneError) (*chain.TxOut, error) {
	txOut, err := node.TxOut(ctx, out)
	switch {
	case errors.Is(err, chain.ErrNoTxOut):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("checking a coin to commit to: %w", err)
	case txOut.Value < amount/100*sats.Amount(s.cfg.Percent)+amount%100*sats.Amount(s.cfg.Percent)/100:
		none.TooSmall++
		return nil, nil
	case txOut.Confirmations < s.cfg.Age:
		none.TooNew++
		if wait := s.cfg.Age - txOut.Confirmations; none.Wait == 0 || wait < none.Wait {
			none.Wait = wait
		}
		return nil, nil
	}
	return &txOut, nil
}

// record lets choose pick a proof from the present file and writes that its
// commitment is used, all while nobody else can.
func (s *Store) record(choose func(*file) (podle.Proof, error)) (proof podle.Proof, err error) {
	err = s.update(func(f *file) error {
		if proof, err = choose(f); err == nil {
			f.add(proof.Commitment())
		}
		return err
	})
	if err != nil {
		return podle.Proof{}, err
	}
	return proof, nil
}

// update changes the file while nobody else can. After an error of change
// nothing is written.
func (s *Store) update(change func(*file) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	lock := flock.New(s.cfg.Path+".lock", flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("%w: locking it: %w", ErrFile, err)
	}
	defer lock.Close()
	if err := durable.Clean(s.cfg.Path); err != nil {
		return fmt.Errorf("%w: tidying up after a crash: %w", ErrFile, err)
	}
	f, err := readFile(s.cfg.Path)
	if err != nil {
		return err
	}
	if err := change(f); err != nil {
		return err
	}
	data, err := f.encode()
	if err == nil {
		err = durable.WriteFileOn(s.cfg.Files, s.cfg.Path, append(data, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("%w: recording a commitment: %w", ErrFile, err)
	}
	return nil
}

// NoneError says why no coin can be committed to.
type NoneError struct {
	Used     int // coins whose tries are used up
	TooNew   int // coins with fewer than Age confirmations: waiting helps
	TooSmall int // coins below Percent of the amount
	// Wait is after how many blocks the first of TooNew is old enough; 0 if there
	// is none.
	Wait int32

	Age            int32
	Percent, Tries int
}

func (e *NoneError) Error() string {
	var why []string
	for _, part := range []struct {
		count int
		text  string
	}{
		{e.Used, fmt.Sprintf("%d used %d times already", e.Used, e.Tries)},
		{e.TooNew, fmt.Sprintf("%d with fewer than %d confirmations (wait for %d more blocks)", e.TooNew, e.Age, e.Wait)},
		{e.TooSmall, fmt.Sprintf("%d below %d %% of the amount (send less)", e.TooSmall, e.Percent)},
	} {
		if part.count > 0 {
			why = append(why, part.text)
		}
	}
	if why == nil {
		why = []string{"none is there"}
	}
	return "no coin that makers accept a commitment to: " + strings.Join(why, ", ")
}
