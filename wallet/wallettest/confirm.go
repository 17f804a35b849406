package wallettest

import "github.com/btcsuite/btcd/wire/v2"

// Confirm makes a block of transactions, unchecked.
func (c *Chain) Confirm(txs ...*wire.MsgTx) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, tx := range txs {
		c.remember(tx)
	}
	waiting := c.mempool
	c.mempool = txs
	c.extend(nil)
	c.mempool = waiting
	c.changed()
}
