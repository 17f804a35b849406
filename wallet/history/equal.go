package history

// Equal reports whether two histories have the same transactions in the same
// blocks.
func Equal(a, b History) bool {
	if len(a.txs) != len(b.txs) {
		return false
	}
	for i, tx := range a.txs {
		if other := b.txs[i]; tx.ID != other.ID || tx.Block != other.Block {
			return false
		}
	}
	return true
}
