package jmdat

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// TestW10NoMemory: reading takes memory for what is kept, not for what a file
// claims or nests.
func TestW10NoMemory(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"all values":       {"l" + strings.Repeat("0:", maxValues-1) + "e", nil},
		"one value more":   {"l" + strings.Repeat("0:", maxValues) + "e", ErrTooLarge},
		"many lists":       {"l" + strings.Repeat("le", maxValues) + "e", ErrTooLarge},
		"nested lists":     {strings.Repeat("l", maxValues), ErrTooLarge},
		"claimed length":   {"l67108863:e", ErrTruncated},
		"repeated lengths": {"l" + strings.Repeat("100:", 1000), ErrTruncated},
	} {
		data := []byte(c.text)
		var err error
		if allocs := testing.AllocsPerRun(1, func() { _, err = parse(data) }); allocs > 20 {
			t.Errorf("%s: %.0f allocations", name, allocs)
		}
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestWatchOnlyBondFault: versions since 0.9.11 store, for watch-only wallets,
// scripts of the key of index 0 for all months. They are not taken for
// scripts of the wallet, and the warning says what they are.
func TestWatchOnlyBondFault(t *testing.T) {
	const (
		xpub  = "xpub6CatWdiZiodmUeTDp8LT5or8nmbKNcuyvz7WyksVFkKB4RHwCD3XyuvPEbvqAQY3rAPshWcMLoP2fMFMKHPJ4ZeZXYVUhLv1VMrjPC7PW6V"
		wrong = "bc1qdcnw9h5vfqqnsrqv2jjak0xqt58v69s4ptumqrp8t3vl9mkfmf6sv68xd3"
		right = "bc1qmqfmwlperjpafv96v36gzuzwts322wk84qzzeyfuf624r2y7knqstyc8zu"
		first = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
	)
	script := func(addr string) string {
		s, ok := Mainnet.script(addr)
		if !ok {
			t.Fatalf("%s is no address", addr)
		}
		return string(s)
	}
	const id = "\x65\x4c\x02"
	w, err := read(encode(dict{
		"network": "mainnet", "wallet_type": 6, "entropy": xpub,
		"index_cache": dict{"0": dict{"0": 1}}, "utxo": dict{},
		"cache": dict{id: dict{"84'": dict{"0'": dict{"0'": dict{
			"0": dict{"0": dict{"A": first, "S": script(first), "P": "x"}},
			"2": dict{"P": "x", "66": dict{"A": wrong, "S": script(wrong)}},
		}}}}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Warnings) != 1 || w.Warnings[0].Kind != WarnWatchOnly {
		t.Errorf("warnings %v", w.Warnings)
	}
	d := deriverOf(t, w, &chaincfg.MainNetParams)
	if len(w.Known) != 1 || w.Known[0].Path != (Path{}) || !bytes.Equal(w.Known[0].Script, d.script(Path{})) || w.ID != d.id() {
		t.Errorf("id %s, scripts %+v", w.ID, w.Known)
	}
	month := Path{Branch: Timelocked, Index: 66, Locktime: firstOfMonth(66)}
	if got := d.address(month); got != right {
		t.Errorf("right address %s", got)
	}
	month.Index = 0
	if got := d.address(month); got != wrong {
		t.Errorf("wrong address %s", got)
	}
}

// TestWrongAddressNeverTaken: an address in the cache that is not the one of
// its path appears nowhere in the result.
func TestWrongAddressNeverTaken(t *testing.T) {
	const wrong = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
	text := plaintext(t, "cache-wrong-address.jmdat")
	if !bytes.Contains(text, []byte(wrong)) {
		t.Fatal("the file lacks the wrong address")
	}
	w, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	script, _ := Mainnet.script(wrong)
	for _, k := range w.Known {
		if bytes.Equal(k.Script, script) {
			t.Error("the wrong address is taken for one of the wallet")
		}
	}
	if shown := fmt.Sprintf("%+v", w); strings.Contains(shown, wrong) {
		t.Error("the wrong address is shown")
	}
}

// BenchmarkOpen is dominated by the derivation of the key, which the format
// fixes.
func BenchmarkOpen(b *testing.B) {
	v := vectorOf(b, "bonds-cache.jmdat")
	file, password := v.data(b), v.password()
	for b.Loop() {
		if _, err := Open(file, password); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead is Open without the derivation of the key, for the smallest
// and the largest file of the vectors.
func BenchmarkRead(b *testing.B) {
	for _, name := range []string{"watchonly.jmdat", "bonds-cache.jmdat"} {
		b.Run(name, func(b *testing.B) {
			v := vectorOf(b, name)
			file, password := v.data(b), v.password()
			var keys keyCache
			for b.Loop() {
				if _, err := open(file, password, keys.derive); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReadHostile is the longest that a file can keep the reader busy: as
// many labels as fit, none of an address.
func BenchmarkReadHostile(b *testing.B) {
	const n = maxValues - 100
	var labels bytes.Buffer
	labels.WriteByte('d')
	for i := range n {
		fmt.Fprintf(&labels, "56:bcrt1%051d1:x", i)
	}
	labels.WriteByte('e')
	text := encode(parts())
	text = append(append([]byte("d11:addr_labels"), labels.Bytes()...), text[1:]...)
	if len(text) > MaxSize {
		b.Fatalf("%d bytes", len(text))
	}
	for b.Loop() {
		w, err := open(append([]byte(plainMark), text...), secret.Text{}, noDerive)
		if err != nil {
			b.Fatal(err)
		}
		if w.Warnings[0].Count != n {
			b.Fatalf("warnings %v", w.Warnings)
		}
	}
}
