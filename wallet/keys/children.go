package keys

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
)

// chunk is how many keys are derived at once: they share one inversion, which
// takes as long as a third of a key.
const chunk = 128

// parent is an extended public key from which many others are derived.
type parent struct {
	chain []byte
	key   [btcec.PubKeyBytesLenCompressed]byte
	point btcec.JacobianPoint
}

func newParent(k *hdkeychain.ExtendedKey) (*parent, error) {
	public, err := k.ECPubKey()
	if err != nil {
		return nil, fmt.Errorf("deriving a public key: %w", err)
	}
	p := &parent{chain: k.ChainCode(), key: [33]byte(public.SerializeCompressed())}
	public.AsJacobian(&p.point)
	return p, nil
}

// child is a key below a parent.
type child struct {
	*parent
	index uint32 // below 2^31
}

// publicKeys derives the compressed public keys of children (BIP32: CKDpub).
func publicKeys(of []child) ([][btcec.PubKeyBytesLenCompressed]byte, error) {
	points := make([]btcec.JacobianPoint, len(of))
	// before has the product of all Z up to there, which is inverted once in
	// place of each Z.
	before := make([]btcec.FieldVal, len(of))
	var product btcec.FieldVal
	product.SetInt(1)
	for i, c := range of {
		if err := c.derive(&points[i]); err != nil {
			return nil, err
		}
		before[i].Set(&product)
		product.Mul(&points[i].Z)
	}
	product.Inverse()
	keys := make([][btcec.PubKeyBytesLenCompressed]byte, len(of))
	for i := len(keys) - 1; i >= 0; i-- {
		var inverse, square btcec.FieldVal // of Z
		inverse.Mul2(&product, &before[i])
		product.Mul(&points[i].Z)
		square.SquareVal(&inverse)
		x, y := &points[i].X, &points[i].Y
		x.Mul(&square).Normalize()
		y.Mul(square.Mul(&inverse)).Normalize()
		keys[i][0] = 2 | byte(y.IsOddBit())
		x.PutBytesUnchecked(keys[i][1:])
	}
	return keys, nil
}

// derive finds the point of a public key.
func (c child) derive(point *btcec.JacobianPoint) error {
	mac := hmac.New(sha512.New, c.chain)
	mac.Write(c.key[:])
	mac.Write(binary.BigEndian.AppendUint32(nil, c.index))
	var scalar btcec.ModNScalar
	if scalar.SetByteSlice(mac.Sum(nil)[:32]) {
		return fmt.Errorf("deriving a key: %w", hdkeychain.ErrInvalidChild)
	}
	var sum btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(&scalar, &sum)
	btcec.AddNonConst(&sum, &c.point, point)
	if point.Z.IsZero() {
		return fmt.Errorf("deriving a key: %w", hdkeychain.ErrInvalidChild)
	}
	return nil
}

// publicKeys returns what PublicKey returns for each path.
func (t *Tree) publicKeys(paths []Path) ([][]byte, error) {
	keys := make([][]byte, len(paths))
	var derive []child
	var at []int // where the key of each goes
	for i, p := range paths {
		if err := p.check(t.kind); err != nil {
			return nil, err
		}
		if p.Branch == Imported {
			k, err := t.importedKey(p)
			if err != nil {
				return nil, err
			}
			keys[i] = k.public()
			continue
		}
		b, err := t.branch(p.Mixdepth, p.Branch)
		if err != nil {
			return nil, err
		}
		if p.Index == 0 && b.first != nil {
			keys[i] = slices.Clone(b.first)
			continue
		}
		derive, at = append(derive, child{b.parent, p.Index}), append(at, i)
	}
	derived, err := publicKeys(derive)
	for i := range derived {
		keys[at[i]] = derived[i][:]
	}
	return keys, err
}

// Scripts returns what Script returns for each path. It derives many keys at
// once, on all cores.
func (t *Tree) Scripts(paths []Path) ([][]byte, error) {
	scripts := make([][]byte, len(paths))
	jobs := make(chan int) // where a chunk begins
	var workers sync.WaitGroup
	failed := make([]error, runtime.GOMAXPROCS(0))
	for n := range failed {
		workers.Go(func() {
			for start := range jobs {
				if failed[n] == nil {
					end := min(start+chunk, len(paths))
					failed[n] = t.deriveScripts(scripts[start:end], paths[start:end])
				}
			}
		})
	}
	for start := 0; start < len(paths); start += chunk {
		jobs <- start
	}
	close(jobs)
	workers.Wait()
	return scripts, cmp.Or(failed...)
}

func (t *Tree) deriveScripts(scripts [][]byte, paths []Path) error {
	keys, err := t.publicKeys(paths)
	if err != nil {
		return err
	}
	for i, p := range paths {
		if scripts[i], err = t.script(p, keys[i]); err != nil {
			return err
		}
	}
	return nil
}
