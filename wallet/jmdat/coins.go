package jmdat

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// unconfirmed is the height that stands for none.
const unconfirmed = 100_000_000

// coins reads {mixdepth: {txid and index: [path, value, height]}}.
func (r *reader) coins() error {
	v, err := r.need("utxo", kindDict)
	if err != nil {
		return err
	}
	for key, inner := range v.entries() {
		mixdepth, ok := number(key)
		if !ok || inner.kind() != kindDict {
			r.warn(WarnCoin)
			continue
		}
		for key, v := range inner.entries() {
			coin, ok := r.coin(key, v)
			if !ok || int64(coin.Path.Mixdepth) != mixdepth {
				r.warn(WarnCoin)
				continue
			}
			r.w.Coins = append(r.w.Coins, coin)
			if coin.Path.Branch == Timelocked {
				r.w.Locktimes = append(r.w.Locktimes, coin.Path.Locktime)
			}
		}
	}
	slices.Sort(r.w.Locktimes)
	r.w.Locktimes = slices.Compact(r.w.Locktimes)
	return nil
}

func (r *reader) coin(key []byte, v value) (Coin, bool) {
	out, ok := outPoint(key)
	if !ok {
		return Coin{}, false
	}
	var path value
	numbers := []int64{0, unconfirmed} // value, height; old files have no height
	count := 0
	for item := range v.items() {
		switch {
		case count == 0:
			path = item
		case count <= len(numbers):
			if numbers[count-1], ok = item.integer(); !ok {
				return Coin{}, false
			}
		default:
			return Coin{}, false
		}
		count++
	}
	if count < 2 {
		return Coin{}, false
	}
	c := Coin{OutPoint: out, Value: sats.Amount(numbers[0])}
	height := numbers[1]
	if !c.Value.Valid() || height < 0 || height > unconfirmed {
		return Coin{}, false
	}
	if height < unconfirmed {
		c.Height = int32(height)
	}
	c.Path, ok = r.listedPath(path)
	return c, ok
}

// outPoint reads the key of a coin: 32 bytes of the txid as it is displayed,
// then the index as decimal text.
func outPoint(key []byte) (out wire.OutPoint, ok bool) {
	if len(key) <= chainhash.HashSize {
		return out, false
	}
	copy(out.Hash[:], key)
	slices.Reverse(out.Hash[:])
	text := key[chainhash.HashSize:]
	n, err := strconv.ParseUint(string(text), 10, 32)
	out.Index = uint32(n)
	return out, err == nil && canonical(text)
}

// frozen reads {txid and index: {disabled: 0 or 1}}.
func (r *reader) frozen() {
	for key, inner := range r.optional("meta", WarnFrozen).entries() {
		out, ok := outPoint(key)
		if !ok || inner.kind() != kindDict {
			r.warn(WarnFrozen)
			continue
		}
		for key, v := range inner.entries() {
			if string(key) != "disabled" {
				continue
			}
			switch n, isInt := v.integer(); {
			case !isInt:
				r.warn(WarnFrozen)
			case n != 0:
				r.w.Frozen = append(r.w.Frozen, out)
			}
		}
	}
}

// burns reads {path: [transaction, height, branch, index in block]}.
func (r *reader) burns() {
	if !r.hasBonds() {
		return // has no meaning there: unknown
	}
	for key, v := range r.optional("burner-out", WarnBurn).entries() {
		items := slices.Collect(v.items())
		if len(items) != 4 || len(key) > maxPath || len(bytes.Trim(key, pathSigns)) > 0 {
			r.warn(WarnBurn)
			continue
		}
		tx, ok1 := items[0].text()
		height, ok2 := items[1].integer()
		branch, ok3 := items[2].text()
		index, ok4 := items[3].integer()
		if !ok1 || !ok2 || !ok3 || !ok4 || height < 0 || height >= unconfirmed || index < 0 || index > 1<<31-1 {
			r.warn(WarnBurn)
			continue
		}
		r.w.Burns = append(r.w.Burns, BurntCoin{
			string(key), bytes.Clone(tx), int32(height), bytes.Clone(branch), int32(index),
		})
	}
}

// imported reads {mixdepth: [[key, type], ...]}. A removed key leaves
// ["", -1].
func (r *reader) imported() error {
	if r.w.Type == WatchOnly {
		return nil // has no meaning there: unknown
	}
	v, err := r.need("imported_keys", kindDict)
	if err != nil {
		return err
	}
	for key, inner := range v.entries() {
		mixdepth, ok := number(key)
		if !ok || inner.kind() != kindList {
			return damaged("its list of imported keys cannot be read")
		}
		var position uint32
		for item := range inner.items() {
			k, removed, ok := importedKey(item)
			if !ok {
				return damaged("an imported key of mixdepth %d cannot be read", mixdepth)
			}
			if !removed {
				k.Path = Path{Imported: true, Mixdepth: int(mixdepth), Index: position}
				r.w.Imported = append(r.w.Imported, k)
			}
			position++
		}
	}
	return nil
}

// compressedKey is the last byte of a private key whose public key is used in
// its short form.
const compressedKey = 1

func importedKey(v value) (k ImportedKey, removed, ok bool) {
	items := slices.Collect(v.items())
	if len(items) != 2 {
		return k, false, false
	}
	raw, isText := items[0].text()
	kind, isInt := items[1].integer()
	switch {
	case !isText || !isInt:
		return k, false, false
	case len(raw) == 0 && kind == -1:
		return k, true, true
	case len(raw) == btcec.PrivKeyBytesLen+1 && raw[btcec.PrivKeyBytesLen] == compressedKey:
		k.Compressed = true
	case len(raw) == btcec.PrivKeyBytesLen && Type(kind) == Legacy:
	default:
		return k, false, false
	}
	switch k.Type = Type(kind); k.Type {
	case Legacy, Nested, Native, Bonds:
	default:
		return k, false, false
	}
	raw = raw[:btcec.PrivKeyBytesLen]
	var scalar btcec.ModNScalar
	overflow := scalar.SetByteSlice(raw)
	zero := scalar.IsZero()
	scalar.Zero()
	if overflow || zero {
		return k, false, false
	}
	k.Key = secret.NewBytes(bytes.Clone(raw))
	return k, false, true
}
