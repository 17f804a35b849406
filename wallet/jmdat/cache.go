package jmdat

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

// cache reads the tree of derived keys: {root: {level: {level: ... leaf}}}. A
// leaf has some of p (private key), P (public key), S (script), A (address).
func (r *reader) cache() {
	for root, child := range r.optional("cache", WarnCache).entries() {
		r.cached(root, nil, child)
	}
}

// cached reads the tree below a path. It ends because parse bounds the depth.
func (r *reader) cached(root []byte, levels []int64, v value) {
	var addr, script []byte
	for key, child := range v.entries() {
		if child.kind() == kindDict {
			if n, ok := level(key); ok {
				r.cached(root, append(slices.Clip(levels), n), child)
			} else {
				r.warn(WarnCache)
			}
			continue
		}
		switch string(key) {
		case "A":
			addr, _ = child.text()
		case "S":
			script, _ = child.text()
		}
	}
	if script == nil {
		return
	}
	p, ok := r.path(root, levels)
	if ok && r.w.Type == WatchOnly && p.Branch == Timelocked {
		return // known to be wrong: all are made of the key of index 0
	}
	if ok && addr != nil {
		want, known := r.w.Network.script(string(addr))
		ok = known && bytes.Equal(script, want)
	}
	if !ok {
		r.warn(WarnCache)
		return
	}
	r.w.Known = append(r.w.Known, KnownScript{p, bytes.Clone(script)})
}

// labels reads {address: label}.
func (r *reader) labels() {
	r.w.Labels = make(map[string]string)
	for key, v := range r.optional("addr_labels", WarnLabel).entries() {
		label, ok := v.text()
		if _, known := r.w.Network.script(string(key)); !known || !ok || len(label) > MaxLabel || !utf8.Valid(label) {
			r.warn(WarnLabel)
			continue
		}
		r.w.Labels[string(key)] = string(label)
	}
}

// maxAddress is the length of the longest address (BIP173).
const maxAddress = 90

// script returns the output script of an address of the network.
func (n Network) script(text string) ([]byte, bool) {
	if len(text) > maxAddress {
		return nil, false
	}
	for _, params := range []*chaincfg.Params{
		&chaincfg.MainNetParams, &chaincfg.TestNet3Params, &chaincfg.RegressionNetParams, &chaincfg.SigNetParams,
	} {
		if !n.Includes(params) {
			continue
		}
		a, err := address.DecodeAddress(text, params)
		if err != nil || !a.IsForNet(params) || a.EncodeAddress() != text {
			continue
		}
		script, err := txscript.PayToAddrScript(a)
		return script, err == nil
	}
	return nil, false
}
