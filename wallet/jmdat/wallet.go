// Package jmdat reads the wallet files of the reference implementation,
// JoinMarket 0.9.12 and before: WALLET.jmdat.
//
// It opens every class of wallet that a file can hold, and takes out what a
// move to another wallet needs: the seed, the next indices, imported keys,
// frozen coins and labels. It never writes, and derives no keys.
//
// A file is treated as hostile: it is bounded in size, depth and number of
// values, and decrypting costs the same for all. The format has no check of
// integrity, so a change of some bits can pass unseen. What decides which keys
// a wallet has is therefore refused unless it is as the reference writes it;
// of the rest, whatever cannot be read is left out with a Warning. To notice a
// change of the seed, compare Wallet.ID and Wallet.Known with what it derives.
//
// The cache of derived keys is never trusted: no address or key is taken from
// it, and its scripts are handed on only to be compared.
package jmdat

import (
	"fmt"
	"strings"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// Type is the class of a wallet, by the number that its file holds.
type Type int

// The types of wallets. The numbers in between name kinds of scripts, never a
// wallet.
const (
	Legacy    Type = 0 // P2PKH, m/0/mixdepth/branch/index, seed not of BIP39
	Nested    Type = 1 // P2SH-P2WPKH, BIP49
	Native    Type = 2 // P2WPKH, BIP84
	Bonds     Type = 5 // P2WPKH, BIP84, with fidelity bonds on branch 2
	WatchOnly Type = 6 // mixdepth 0 of a Bonds wallet without its private keys
)

// String returns the name that the reference gives the type.
func (t Type) String() string {
	switch t {
	case Legacy:
		return "p2pkh"
	case Nested:
		return "p2sh-p2wpkh"
	case Native:
		return "p2wpkh"
	case Bonds:
		return "p2wpkh fidelity bonds"
	case WatchOnly:
		return "watch-only fidelity bonds"
	}
	return fmt.Sprintf("type %d", int(t))
}

// Network is the network of a wallet, as its file names it.
type Network string

// The networks. A file for a private chain (regtest) says testnet.
const (
	Mainnet Network = "mainnet"
	Testnet Network = "testnet"
	Signet  Network = "signet"
)

// Includes reports whether a wallet of network n may be used on the network of
// params.
func (n Network) Includes(params *chaincfg.Params) bool {
	switch n {
	case Mainnet, Signet:
		return params.Name == string(n)
	case Testnet:
		return strings.HasPrefix(params.Name, string(n)) || params.Name == chaincfg.RegressionNetParams.Name
	}
	return false
}

// Branches of a mixdepth. Timelocked and Burn exist in mixdepth 0 of wallets of
// type Bonds and WatchOnly only.
const (
	External   uint32 = 0 // addresses shown to the user for deposits
	Internal   uint32 = 1 // change and CoinJoin outputs
	Timelocked uint32 = 2 // fidelity bonds; the index stands for the month
	Burn       uint32 = 3 // burnt coins
	branches          = 4
)

// Path names a key: one below the seed, or an imported one.
type Path struct {
	Imported bool
	Mixdepth int
	Branch   uint32 // 0 for imported keys
	Index    uint32 // below 2^31; for imported keys the position in the file
	Locktime int64  // Unix time, seconds, of a Timelocked path; else 0
}

// Wallet is the content of a file.
type Wallet struct {
	Type      Type
	Network   Network
	Encrypted bool // false: the file has no password and shows its seed to anyone

	// Created is when the file was made, by the clock on the wall of its
	// maker, read as UTC; zero if the file does not say. A file that was
	// recovered from words is younger than the first coins of its seed.
	Created time.Time

	// Entropy is what the words encode: 16 bytes for Legacy; 16, 20, 24, 28
	// or 32 for Nested, Native and Bonds; empty for WatchOnly.
	Entropy secret.Bytes
	// Extension is the BIP39 passphrase, outer blanks included; mostly empty.
	Extension secret.Text
	// XPub is the extended public key of m/84'/coin'/0' of a WatchOnly wallet,
	// else empty.
	XPub string

	// ID is the wallet id, 6 hex digits, that the paths in the file begin
	// with; empty if there is no path. If the id that the seed gives is
	// another one, then the seed, the extension or the type was changed.
	ID string

	// Next has the next index to hand out by mixdepth and branch, 0..2^31. It
	// may be behind: the reference did not store it after every use. Its
	// length is the number of mixdepths, at least 1.
	Next [][branches]uint32

	// Imported are the imported keys, which no seed restores.
	Imported []ImportedKey

	// Frozen are the coins that the user does not want to be spent, whether
	// they still exist or not.
	Frozen []wire.OutPoint

	// Labels are free texts of the user for addresses of the wallet's network;
	// valid UTF-8 of at most MaxLabel bytes that may hold control characters.
	Labels map[string]string

	// Coins are those of the last time that the reference looked: a hint what
	// a scan of the chain should find, not a balance.
	Coins []Coin

	// Locktimes are the months, as Unix times in seconds, of the fidelity
	// bonds among Coins, ascending. Others may exist: all 960 have to be
	// looked for.
	Locktimes []int64

	// Burns are the records of burnt coins.
	Burns []BurntCoin

	// Known are scripts that the reference has derived: what the seed gives
	// for the path must be the same. They prove nothing by themselves.
	Known []KnownScript

	// Unknown are the names of parts that no known version writes, cut to 64
	// bytes and quoted, so that they can be shown.
	Unknown []string

	// Warnings say what else the user should know, each kind once.
	Warnings []Warning
}

// ImportedKey is a private key from elsewhere.
type ImportedKey struct {
	Path       Path
	Type       Type         // which kind of script it is for; never WatchOnly
	Key        secret.Bytes // 32 bytes
	Compressed bool         // false for old keys of Legacy wallets only
}

// Coin is an output as the reference last saw it.
type Coin struct {
	OutPoint wire.OutPoint
	Path     Path
	Value    sats.Amount
	Height   int32 // of its block; 0 if it was unconfirmed, or the file is too old to say
}

// BurntCoin is the record of a coin that was destroyed to make a bond.
type BurntCoin struct {
	Path       string // like m/84'/0'/0'/3/0
	RawTx      []byte
	Height     int32
	Branch     []byte // the proof of the node without its header, or "mbu" for none
	BlockIndex int32
}

// KnownScript is an output script that the reference derived for a path.
type KnownScript struct {
	Path   Path
	Script []byte
}

// Wipe overwrites the secrets of the wallet.
func (w *Wallet) Wipe() {
	w.Entropy.Wipe()
	w.Extension.Wipe()
	for _, key := range w.Imported {
		key.Key.Wipe()
	}
}
