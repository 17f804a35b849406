package jmdat

import (
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// dict is shorter to read.
type dict = map[string]any

// parts returns the parts of a small sound wallet.
func parts() dict {
	return dict{
		"network": "mainnet", "wallet_type": 2, "entropy": "0123456789abcdef",
		"index_cache": dict{"0": dict{}}, "imported_keys": dict{}, "utxo": dict{},
	}
}

// with returns the parts of a small wallet with some others.
func with(more dict) dict {
	p := parts()
	maps.Copy(p, more)
	return p
}

// key is a valid private key.
const key = "0123456789abcdef0123456789abcdef"

// coinKey names the first output of a transaction.
var coinKey = strings.Repeat("\xaa", 31) + "\x01" + "0"

// coin returns an entry of the list of coins at a path.
func coin(path ...any) dict { return dict{"0": dict{coinKey: []any{path, 1000, 800000}}} }

const h = int64(hardened)

func TestRefusedContent(t *testing.T) {
	keys := func(items ...any) dict { return dict{"imported_keys": dict{"0": items}} }
	index := func(v any) dict { return dict{"index_cache": v} }
	for name, c := range map[string]struct {
		parts dict
		want  error
	}{
		"type is a text":          {dict{"wallet_type": "2"}, ErrDamaged},
		"network is a number":     {dict{"network": 1}, ErrDamaged},
		"network regtest":         {dict{"network": "regtest"}, ErrDamaged},
		"entropy is a list":       {dict{"entropy": []any{}}, ErrDamaged},
		"entropy of 36 bytes":     {dict{"entropy": strings.Repeat("x", 36)}, ErrDamaged},
		"entropy of 18 bytes":     {dict{"entropy": strings.Repeat("x", 18)}, ErrDamaged},
		"legacy of 20 bytes":      {dict{"wallet_type": 0, "entropy": strings.Repeat("x", 20)}, ErrDamaged},
		"extension is a number":   {dict{"seed_extension": 1}, ErrDamaged},
		"extension not UTF-8":     {dict{"seed_extension": "\xff"}, ErrDamaged},
		"extension too long":      {dict{"seed_extension": strings.Repeat("x", MaxExtension+1)}, ErrDamaged},
		"no mixdepth":             {index(dict{}), ErrMissing},
		"indices are a list":      {index([]any{}), ErrDamaged},
		"mixdepth is a number":    {index(dict{"0": 1}), ErrDamaged},
		"mixdepth -1":             {index(dict{"-1": dict{}}), ErrDamaged},
		"mixdepth 00":             {index(dict{"00": dict{}}), ErrDamaged},
		"mixdepth without digits": {index(dict{"": dict{}}), ErrDamaged},
		"mixdepth of 40 digits":   {index(dict{strings.Repeat("1", 40): dict{}}), ErrDamaged},
		"mixdepth 2^31-1":         {index(dict{"2147483647": dict{}}), ErrTooLarge},
		"mixdepth 1000":           {index(dict{"1000": dict{}}), ErrTooLarge},
		"branch 4":                {index(dict{"0": dict{"4": 0}}), ErrDamaged},
		"index -1":                {index(dict{"0": dict{"0": -1}}), ErrDamaged},
		"index 2^31+1":            {index(dict{"0": dict{"0": h + 1}}), ErrDamaged},
		"index is a text":         {index(dict{"0": dict{"0": "0"}}), ErrDamaged},
		"coins are a list":        {dict{"utxo": []any{}}, ErrDamaged},
		"keys are a list":         {dict{"imported_keys": []any{}}, ErrDamaged},
		"keys of a mixdepth":      {dict{"imported_keys": dict{"0": dict{}}}, ErrDamaged},
		"key is a text":           {keys(key), ErrDamaged},
		"key without type":        {keys([]any{key + "\x01"}), ErrDamaged},
		"key and more":            {keys([]any{key + "\x01", 2, 2}), ErrDamaged},
		"key of 31 bytes":         {keys([]any{key[1:], 0}), ErrDamaged},
		"key with other mark":     {keys([]any{key + "\x02", 2}), ErrDamaged},
		"long segwit key":         {keys([]any{key, 2}), ErrDamaged},
		"key of type 6":           {keys([]any{key + "\x01", 6}), ErrDamaged},
		"key of type 4":           {keys([]any{key + "\x01", 4}), ErrDamaged},
		"key 0":                   {keys([]any{strings.Repeat("\x00", 32) + "\x01", 2}), ErrDamaged},
		"key above the order":     {keys([]any{strings.Repeat("\xff", 32) + "\x01", 2}), ErrDamaged},
		"empty key with type":     {keys([]any{"", 2}), ErrDamaged},
		"removed key that stayed": {keys([]any{key + "\x01", -1}), ErrDamaged},
		"watch-only with entropy": {dict{"wallet_type": 6}, ErrDamaged},
	} {
		if w, err := read(encode(with(c.parts))); !errors.Is(err, c.want) || w != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	many := parts()
	for i := range maxParts {
		many[fmt.Sprint(i)] = 0
	}
	if _, err := read(encode(many)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("many parts: %v", err)
	}
}

func TestXPub(t *testing.T) {
	const xpub = "xpub6CatWdiZiodmUeTDp8LT5or8nmbKNcuyvz7WyksVFkKB4RHwCD3XyuvPEbvqAQY3rAPshWcMLoP2fMFMKHPJ4ZeZXYVUhLv1VMrjPC7PW6V"
	const tprv = "tprv8gRrNu65W2Msef2BdBSUgFdRTGzC8EwVXnV7UGS3faeXtuMVtGfEdidVeGbThs4ELEoayCAzZQ4uUji9DUiAs7erdVskqju7hrBcDvDsdbY"
	for _, c := range []struct {
		network, text string
		valid         bool
	}{
		{"mainnet", xpub, true},
		{"testnet", xpub, false},
		{"testnet", tprv, false},
		{"mainnet", xpub[:len(xpub)-1] + "W", false},
		{"mainnet", "fbonds-mpk-" + xpub, false},
		{"mainnet", strings.Repeat("x", 100_000), false},
		{"mainnet", "", false},
	} {
		w, err := read(encode(with(dict{"wallet_type": 6, "network": c.network, "entropy": c.text})))
		if (err == nil) != c.valid || err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s on %s: %v", c.text, c.network, err)
		}
		if err == nil && (w.XPub != c.text || !w.Entropy.Empty()) {
			t.Errorf("read %s", w.XPub)
		}
	}
}

// TestNotTakenOver: what only decorates a wallet does not keep it closed.
func TestNotTakenOver(t *testing.T) {
	const addr = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
	leaf := func(path []string, v dict) dict {
		for _, level := range slices.Backward(path) {
			v = dict{level: v}
		}
		return dict{"cache": v}
	}
	script := "\x00\x14" + strings.Repeat("x", 20)
	path := []string{"abc", "84'", "0'", "0'", "0", "0"}
	for name, c := range map[string]struct {
		parts dict
		want  WarningKind
	}{
		"date of another form":    {dict{"created": "2024-01-02 03:04:05"}, WarnCreated},
		"date is a number":        {dict{"created": 1}, WarnCreated},
		"frozen coins are a list": {dict{"meta": []any{}}, WarnFrozen},
		"frozen without index":    {dict{"meta": dict{coinKey[:32]: dict{"disabled": 1}}}, WarnFrozen},
		"frozen, index 00":        {dict{"meta": dict{coinKey + "0": dict{"disabled": 1}}}, WarnFrozen},
		"frozen, index 2^32":      {dict{"meta": dict{coinKey[:32] + "4294967296": dict{"disabled": 1}}}, WarnFrozen},
		"frozen by a text":        {dict{"meta": dict{coinKey: dict{"disabled": "1"}}}, WarnFrozen},
		"frozen entry is a list":  {dict{"meta": dict{coinKey: []any{}}}, WarnFrozen},
		"labels are a list":       {dict{"addr_labels": []any{}}, WarnLabel},
		"label of no address":     {dict{"addr_labels": dict{"rent": "rent"}}, WarnLabel},
		"label of other network":  {dict{"addr_labels": dict{"mtsr3e1j9Zv4y9Umtga2UAJQB3nGomdP4K": "x"}}, WarnLabel},
		"label of a public key":   {dict{"addr_labels": dict{"02a1b09f93073c63f205086440898141c0c3c6d24f69a18db608224bcf143fa011": "x"}}, WarnLabel},
		"label of upper case":     {dict{"addr_labels": dict{strings.ToUpper(addr): "x"}}, WarnLabel},
		"label not UTF-8":         {dict{"addr_labels": dict{addr: "\xff"}}, WarnLabel},
		"label is a number":       {dict{"addr_labels": dict{addr: 1}}, WarnLabel},
		"label too long":          {dict{"addr_labels": dict{addr: strings.Repeat("x", MaxLabel+1)}}, WarnLabel},
		"coins of no mixdepth":    {dict{"utxo": dict{"x": dict{}}}, WarnCoin},
		"coins are a number":      {dict{"utxo": dict{"0": 1}}, WarnCoin},
		"coin without path":       {dict{"utxo": dict{"0": dict{coinKey: []any{}}}}, WarnCoin},
		"coin without value":      {dict{"utxo": dict{"0": dict{coinKey: []any{[]any{"abc", 84 + h, h, h, 0, 0}}}}}, WarnCoin},
		"coin of negative value":  {dict{"utxo": dict{"0": dict{coinKey: []any{[]any{"abc", 84 + h, h, h, 0, 0}, -1}}}}, WarnCoin},
		"coin of too much value":  {dict{"utxo": dict{"0": dict{coinKey: []any{[]any{"abc", 84 + h, h, h, 0, 0}, int64(sats.Max) + 1}}}}, WarnCoin},
		"coin with more":          {dict{"utxo": dict{"0": dict{coinKey: []any{[]any{"abc", 84 + h, h, h, 0, 0}, 1, 1, 1}}}}, WarnCoin},
		"coin of negative height": {dict{"utxo": dict{"0": dict{coinKey: []any{[]any{"abc", 84 + h, h, h, 0, 0}, 1, -1}}}}, WarnCoin},
		"coin of no height":       {dict{"utxo": dict{"0": dict{coinKey: []any{[]any{"abc", 84 + h, h, h, 0, 0}, 1, unconfirmed + 1}}}}, WarnCoin},
		"coin, value is a text":   {dict{"utxo": dict{"0": dict{coinKey: []any{[]any{"abc", 84 + h, h, h, 0, 0}, "1"}}}}, WarnCoin},
		"coin of short root":      {dict{"utxo": coin("ab", 84+h, h, h, 0, 0)}, WarnCoin},
		"coin of no root":         {dict{"utxo": coin("", 84+h, h, h, 0, 0)}, WarnCoin},
		"coin, root is a number":  {dict{"utxo": coin(1, 84+h, h, h, 0, 0)}, WarnCoin},
		"coin, level is a text":   {dict{"utxo": coin("abc", 84+h, h, h, 0, "0")}, WarnCoin},
		"coin of another purpose": {dict{"utxo": coin("abc", 49+h, h, h, 0, 0)}, WarnCoin},
		"coin of another coin":    {dict{"utxo": coin("abc", 84+h, 1+h, h, 0, 0)}, WarnCoin},
		"coin not hardened":       {dict{"utxo": coin("abc", 84+h, h, 0, 0, 0)}, WarnCoin},
		"coin, index hardened":    {dict{"utxo": coin("abc", 84+h, h, h, 0, h)}, WarnCoin},
		"coin of mixdepth 1":      {dict{"utxo": coin("abc", 84+h, h, 1+h, 0, 0)}, WarnCoin},
		"coin on branch 2":        {dict{"utxo": coin("abc", 84+h, h, h, 2, 0, 1577836800)}, WarnCoin},
		"coin with locktime":      {dict{"utxo": coin("abc", 84+h, h, h, 0, 0, 1577836800)}, WarnCoin},
		"coin on a branch":        {dict{"utxo": coin("abc", 84+h, h, h, 0)}, WarnCoin},
		"coin too deep":           {dict{"utxo": coin("abc", 84+h, h, h, 0, 0, 0, 0)}, WarnCoin},
		"coin of imported key":    {dict{"utxo": coin("imported", 0, -1)}, WarnCoin},
		"coin of no key":          {dict{"utxo": coin("imported", 0)}, WarnCoin},
		"cache is a list":         {dict{"cache": []any{}}, WarnCache},
		"cache, no level":         {leaf([]string{"abc", "84h"}, dict{}), WarnCache},
		"cache, leaf too high":    {leaf(path[:3], dict{"S": script}), WarnCache},
		"cache, other root":       {leaf([]string{"abcd", "84'", "0'", "0'", "0", "0"}, dict{"S": script}), WarnCache},
		"cache, other address":    {leaf(path, dict{"S": script, "A": addr}), WarnCache},
		"cache, no address":       {leaf(path, dict{"S": script, "A": "x"}), WarnCache},
		"wallet ids": {dict{"utxo": coin("abc", 84+h, h, h, 0, 0),
			"cache": leaf([]string{"xyz", "84'", "0'", "0'", "0", "0"}, dict{"S": script})["cache"]}, WarnIDs},
		"unknown part":                {dict{"zzz": 1}, WarnUnknown},
		"unknown part, long name":     {dict{strings.Repeat("z", 1000): 1}, WarnUnknown},
		"burns of a wallet like this": {dict{"burner-out": dict{}}, WarnUnknown},
		"extension of a legacy one":   {dict{"wallet_type": 0, "seed_extension": "x"}, WarnUnknown},
		"burns are a list":            {dict{"wallet_type": 5, "burner-out": []any{}}, WarnBurn},
		"burn is a number":            {dict{"wallet_type": 5, "burner-out": dict{"m": 1}}, WarnBurn},
		"burn too short":              {dict{"wallet_type": 5, "burner-out": dict{"m": []any{"", 1, ""}}}, WarnBurn},
		"burn of negative height":     {dict{"wallet_type": 5, "burner-out": dict{"m": []any{"", -1, "", 1}}}, WarnBurn},
		"burn of no path":             {dict{"wallet_type": 5, "burner-out": dict{"\x1b[2J": []any{"", 1, "", 1}}}, WarnBurn},
		"burn of long path":           {dict{"wallet_type": 5, "burner-out": dict{strings.Repeat("m", 101): []any{"", 1, "", 1}}}, WarnBurn},
		"bond of other locktime":      {dict{"wallet_type": 5, "utxo": coin("abc", 84+h, h, h, 2, 0, 1577836801)}, WarnCoin},
		"bond of index 960":           {dict{"wallet_type": 5, "utxo": coin("abc", 84+h, h, h, 2, 960, int64(4102444800))}, WarnCoin},
		"bond of mixdepth 1":          {dict{"wallet_type": 5, "utxo": dict{"1": coin("abc", 84+h, h, 1+h, 2, 0, 1577836800)["0"]}}, WarnCoin},
	} {
		w, err := read(encode(with(c.parts)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(w.Warnings) != 1 || w.Warnings[0].Kind != c.want || w.Warnings[0].Count != 1 {
			t.Errorf("%s: warnings %v, want %s", name, w.Warnings, c.want)
		}
		if c.want == WarnUnknown && (len(w.Unknown) != 1 || len(w.Unknown[0]) > 2*maxName) {
			t.Errorf("%s: unknown parts %q", name, w.Unknown)
		}
		kept := len(w.Frozen) + len(w.Labels) + len(w.Burns) + len(w.Locktimes)
		if c.want != WarnIDs {
			kept += len(w.Coins) + len(w.Known)
		}
		if kept != 0 {
			t.Errorf("%s: taken over: %+v", name, w)
		}
	}
}

func TestUnknownParts(t *testing.T) {
	w, err := read(encode(with(dict{"a\x1b": 1, "zzz": 1, "cache": dict{}})))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.Unknown, []string{`"a\x1b"`, `"zzz"`}) || len(w.Warnings) != 1 || w.Warnings[0] != (Warning{WarnUnknown, 2}) {
		t.Errorf("unknown %s, warnings %v", w.Unknown, w.Warnings)
	}
}

func TestWarningsExplained(t *testing.T) {
	seen := make(map[string]bool)
	for _, e := range explanations {
		text := Warning{e.kind, 3}.String()
		if !strings.Contains(text, " ") || !strings.HasSuffix(text, "(3)") || seen[text] {
			t.Errorf("%s: %q", e.kind, text)
		}
		seen[text] = true
	}
	if len(seen) != 9 {
		t.Errorf("%d kinds of warnings explained", len(seen))
	}
}

// TestOldForms: what only older versions wrote.
func TestOldForms(t *testing.T) {
	w, err := read(encode(with(dict{
		"wallet_type":    0,
		"index_cache":    dict{"0": dict{"0": 1}, "3": dict{"1": h}},
		"imported_keys":  dict{"2": []any{[]any{"", -1}, []any{key, 0}, []any{key + "\x01", 0}}},
		"utxo":           dict{"0": dict{coinKey: []any{[]any{"abc", 0, 0, 1, 5}, 1000}}},
		"meta":           dict{coinKey: dict{"disabled": 1}, coinKey[:32] + "1": dict{}, coinKey[:32] + "2": dict{"disabled": 0}},
		"seed_extension": "",
	})))
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Next) != 4 || w.Next[0] != [4]uint32{1} || w.Next[3] != [4]uint32{0, hardened} {
		t.Errorf("indices %v", w.Next)
	}
	if len(w.Imported) != 2 || w.Imported[0].Compressed || !w.Imported[1].Compressed ||
		w.Imported[0].Path != (Path{Imported: true, Mixdepth: 2, Index: 1}) || string(w.Imported[0].Key.Reveal()) != key {
		t.Errorf("imported %+v", w.Imported)
	}
	if len(w.Coins) != 1 || w.Coins[0].Height != 0 || w.Coins[0].Value != 1000 || w.Coins[0].Path != (Path{Branch: 1, Index: 5}) {
		t.Errorf("coins %+v", w.Coins)
	}
	want := strings.Repeat("aa", 31) + "01:0"
	if w.ID != hex.EncodeToString([]byte("abc")) || len(w.Frozen) != 1 || w.Frozen[0].String() != want {
		t.Errorf("id %s, frozen %v, want %s", w.ID, w.Frozen, want)
	}
}

func TestTypeNames(t *testing.T) {
	for _, v := range vectors.Load[vector](t, "jmdat.json", 82) {
		if v.has() && Type(*v.Type).String() != v.TypeName {
			t.Errorf("type %d is %s, want %s", *v.Type, Type(*v.Type), v.TypeName)
		}
	}
	if got := Type(3).String(); got != "type 3" {
		t.Errorf("type 3 is %s", got)
	}
}

// TestD9SecretsHidden: printing a wallet shows no key, and Wipe forgets them.
func TestD9SecretsHidden(t *testing.T) {
	w, err := read(plaintext(t, "bonds.jmdat"))
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("wallet", "wallet", w)
	shown := fmt.Sprintf("%v %+v %#v %s", w, *w, *w, logged.String())
	for what, s := range map[string][]byte{
		"entropy": w.Entropy.Reveal(), "extension": w.Extension.RevealBytes(), "imported key": w.Imported[0].Key.Reveal(),
	} {
		list := strings.Trim(fmt.Sprint(s), "[]")
		for _, form := range []string{string(s), hex.EncodeToString(s), list} {
			if len(s) == 0 || strings.Contains(shown, form) {
				t.Errorf("%s is shown", what)
			}
		}
	}
	w.Wipe()
	if !w.Entropy.Empty() || !w.Extension.Empty() || !w.Imported[0].Key.Empty() {
		t.Error("secrets are left after Wipe")
	}
}
