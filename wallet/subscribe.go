package wallet

// Subscribe returns a channel that delivers a value after coins or the chain
// have changed, after coins were set aside or given back, or after the node was
// lost or found; values may be merged.
// cancel ends that; the channel is not closed.
func (w *Wallet) Subscribe() (changes <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.subs[c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.subs, c)
	}
}

// notify tells the subscribers.
func (w *Wallet) notify() {
	w.mu.RLock()
	defer w.mu.RUnlock()
	w.notifyLocked()
}

// notifyLocked tells the subscribers; w.mu is held.
func (w *Wallet) notifyLocked() {
	for c := range w.subs {
		select {
		case c <- struct{}{}:
		default: // it has a value waiting
		}
	}
}
