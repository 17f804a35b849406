package maker

import (
	"bytes"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// promise is a transaction that we signed and whose end is not seen yet.
type promise struct {
	txid  chainhash.Hash
	tx    *wire.MsgTx  // without witnesses
	raw   []byte       // the same
	lease *coins.Lease // nil if it was signed before the last start
	txFee sats.Amount  // that we add to the miner fee; 0 if signed before the last start
	seen  bool         // the wallet knows it
	since time.Time    // since when; zero if it was known at the start
	over  bool         // its end was told
}

// watch tells what became of the transactions that we signed, also of those of
// before the last start. The wallet remembers them; what it does not remember
// any more is forgotten.
func (m *Maker) watch() {
	known := make(map[chainhash.Hash]*promise)
	for _, p := range m.signed {
		known[p.txid] = p
	}
	m.signed = nil
	for _, s := range m.cfg.Wallet.Signed() {
		p := known[s.ID]
		if p == nil {
			var raw bytes.Buffer
			if err := s.Tx.SerializeNoWitness(&raw); err != nil {
				continue // it was read from such bytes
			}
			p = &promise{txid: s.ID, tx: s.Tx, raw: raw.Bytes()}
		}
		if m.tell(p, s) {
			p.over = true
			if p.lease != nil {
				p.lease.Release()
			}
		}
		if p.over {
			err := m.cfg.Wallet.Settled(s.ID)
			if err == nil {
				continue
			}
			m.log.Warn("could not write down that a CoinJoin is over; it is told again after a restart", "err", err)
		}
		m.signed = append(m.signed, p)
	}
}

// tell tells what is new about a transaction, and whether it is over.
func (m *Maker) tell(p *promise, s wallet.Signed) (over bool) {
	if p.over {
		return false
	}
	if s.Seen && !p.seen {
		m.cfg.Notify(Seen{TxID: s.ID})
		if s.Confirmations == 0 && p.lease != nil {
			p.since = time.Now()
		}
	}
	p.seen = s.Seen // an evicted transaction is waited for again
	switch {
	case s.Confirmations > 0:
		m.cfg.Notify(m.earned(p, s))
	case s.Spent:
		m.cfg.Notify(Spent{TxID: s.ID})
	default:
		return false
	}
	return true
}

// earned is what a CoinJoin brought that is in a block.
func (m *Maker) earned(p *promise, s wallet.Signed) Earned {
	e := Earned{TxID: s.ID, Amount: s.Amount, Earning: s.Earning, Fee: s.Earning + p.txFee}
	if r, err := m.cfg.Wallet.Record(s.ID); err == nil {
		e.Coins, e.Value = len(r.Spends), coins.Sum(r.Spends)
	}
	if !p.since.IsZero() {
		e.Waited = time.Since(p.since)
	}
	return e
}
