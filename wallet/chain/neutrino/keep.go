package neutrino

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcwallet/walletdb"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// The record is changed on the disk first, and in memory when that is done.

// keep takes up what a search found, with scripts that were not searched before.
func (b *Backend) keep(e extent, scripts [][]byte, txs []found) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.change(func(r walletdb.ReadWriteBucket) error { return saveSearch(r, e, scripts, txs) }); err != nil {
		return err
	}
	b.record.extent = e
	for _, script := range scripts {
		b.record.scripts.Add(script)
	}
	b.record.add(txs)
	return nil
}

// rewind forgets what is no longer in the best chain.
func (b *Backend) rewind() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	recent := b.record.recent
	if len(recent) == 0 {
		return nil
	}
	at := b.record.to
	for i := len(recent) - 1; ; i-- {
		in, err := b.inBest(at)
		if err != nil {
			return err
		}
		if in {
			break
		}
		if i == 0 {
			b.log.Warn("the chain changed deeper than the light client remembers: all is searched again", "block", at.Height)
			if err := b.change(saveRestart); err != nil {
				return err
			}
			b.record = record{sent: b.record.sent}
			return nil
		}
		parent := chain.BlockID{Height: at.Height - 1, Hash: recent[i-1]}
		b.leave(at.Hash, parent)
		at = parent
	}
	if at == b.record.to {
		return nil
	}
	if err := b.change(func(r walletdb.ReadWriteBucket) error { return saveRewind(r, b.record.back(at.Height)) }); err != nil {
		return err
	}
	b.record.rewind(at.Height)
	return nil
}

// startSending notes a transaction before it leaves: it shall be sent again
// after a crash.
func (b *Backend) startSending(tx chain.Tx) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.change(func(r walletdb.ReadWriteBucket) error { return saveSent(r, tx) }); err != nil {
		return err
	}
	b.record.send(tx)
	return nil
}

// forgetSent forgets sent transactions.
func (b *Backend) forgetSent(choose func(*record) []chainhash.Hash) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	ids := choose(&b.record)
	if len(ids) == 0 {
		return nil
	}
	if err := b.change(func(r walletdb.ReadWriteBucket) error { return deleteSent(r, ids) }); err != nil {
		return err
	}
	b.record.unsend(ids)
	return nil
}
