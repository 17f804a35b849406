package jmdat

import (
	"fmt"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/tyler-smith/go-bip39"
)

// Phrase returns the words of the seed: BIP39 English, or those of Electrum
// 1.x for a Legacy wallet. It is empty for a WatchOnly wallet.
func (w *Wallet) Phrase() (secret.Text, error) {
	switch w.Type {
	case WatchOnly:
		return secret.Text{}, nil
	case Legacy:
		return LegacyPhrase(w.Entropy)
	}
	words, err := bip39.NewMnemonic(w.Entropy.Reveal())
	if err != nil {
		return secret.Text{}, fmt.Errorf("writing the seed phrase: %w", err)
	}
	return secret.NewText(words), nil
}
