package keys

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"runtime"
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

// children derives the compressed public keys at the indices from, from+1 and so
// on, below 2^31 (BIP32: CKDpub).
func (p *parent) children(keys [][btcec.PubKeyBytesLenCompressed]byte, from uint32) error {
	points := make([]btcec.JacobianPoint, len(keys))
	// before has the product of all Z up to there, which is inverted once in
	// place of each Z.
	before := make([]btcec.FieldVal, len(keys))
	var product btcec.FieldVal
	product.SetInt(1)
	for i := range keys {
		if err := p.child(&points[i], from+uint32(i)); err != nil {
			return err
		}
		before[i].Set(&product)
		product.Mul(&points[i].Z)
	}
	product.Inverse()
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
	return nil
}

// child derives one point.
func (p *parent) child(point *btcec.JacobianPoint, index uint32) error {
	mac := hmac.New(sha512.New, p.chain)
	mac.Write(p.key[:])
	mac.Write(binary.BigEndian.AppendUint32(nil, index))
	var scalar btcec.ModNScalar
	if scalar.SetByteSlice(mac.Sum(nil)[:32]) {
		return fmt.Errorf("deriving a key: %w", hdkeychain.ErrInvalidChild)
	}
	var sum btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(&scalar, &sum)
	btcec.AddNonConst(&sum, &p.point, point)
	if point.Z.IsZero() {
		return fmt.Errorf("deriving a key: %w", hdkeychain.ErrInvalidChild)
	}
	return nil
}

// Scripts returns the output scripts of External or Internal at the indices
// from..to-1, to at most MaxIndex+1. It uses all cores.
func (t *Tree) Scripts(mixdepth int, number, from, to uint32) ([][]byte, error) {
	if number > Internal || from > to || to > MaxIndex+1 {
		return nil, ErrPath
	}
	b, err := t.branch(mixdepth, number)
	if err != nil {
		return nil, err
	}
	scripts := make([][]byte, to-from)
	jobs := make(chan uint32) // where a chunk begins
	var workers sync.WaitGroup
	failed := make([]error, runtime.GOMAXPROCS(0))
	for n := range failed {
		workers.Go(func() {
			var keys [chunk][btcec.PubKeyBytesLenCompressed]byte
			for start := range jobs {
				if failed[n] != nil {
					continue
				}
				failed[n] = t.deriveScripts(b, scripts[start-from:], keys[:min(chunk, to-start)], start)
			}
		})
	}
	for start := from; start < to; start += chunk {
		jobs <- start
	}
	close(jobs)
	workers.Wait()
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	return scripts, nil
}

// deriveScripts fills in as many scripts as there is room for keys.
func (t *Tree) deriveScripts(b *branch, scripts [][]byte, keys [][btcec.PubKeyBytesLenCompressed]byte, from uint32) (err error) {
	if err := b.parent.children(keys, from); err != nil {
		return err
	}
	for i := range keys {
		if scripts[i], err = t.kind.Script(keys[i][:]); err != nil {
			return err
		}
	}
	return nil
}
