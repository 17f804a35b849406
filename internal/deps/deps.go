// Temporary: keeps requirements in go.mod while packages are written.

package deps

import (
	_ "github.com/btcsuite/btcd"
	_ "github.com/btcsuite/btcd/address/v2"
	_ "github.com/btcsuite/btcd/btcec/v2/ecdsa"
	_ "github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	_ "github.com/btcsuite/btcd/chaincfg/v2"
	_ "github.com/btcsuite/btcd/psbt/v2"
	_ "github.com/btcsuite/btcd/rpcclient"
	_ "github.com/btcsuite/btcd/txscript/v2"
	_ "github.com/btcsuite/btcd/wire/v2"
	_ "github.com/gofrs/flock"
	_ "github.com/spf13/cobra"
	_ "github.com/tyler-smith/go-bip39"
	_ "golang.org/x/crypto/argon2"
	_ "golang.org/x/crypto/nacl/box"
	_ "golang.org/x/net/proxy"
	_ "golang.org/x/sys/unix"
	_ "golang.org/x/term"
	_ "gopkg.in/ini.v1"
	_ "gopkg.in/irc.v4"
)
