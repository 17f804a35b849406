package core

import "github.com/joinmarket-go/joinmarket/wallet/chain"

var _ chain.Progresser = (*Backend)(nil)

// What Progress calls the searches.
const (
	scanning  = "looking through the unspent outputs"
	searching = "searching the chain for the wallet's history"
)

// Progress implements chain.Progresser.
func (b *Backend) Progress() (chain.Progress, bool) { return b.progress.Progress() }
