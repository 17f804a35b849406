package wallet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/store"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// A backup is an old state: it does not know which addresses went out since, and
// handing one of them out again would tell two payers, or two peers, of each
// other. The chain shows those that were paid; of the others nobody can tell. So
// a wallet that is made of a backup hands out nothing until it has seen the
// chain, and then goes on restoreSkip addresses further. Because a backup is made
// before backupAddresses have gone out since the last one, that is enough for the
// newest backup for sure, and for older ones unless very many addresses in a row
// were never paid.
const (
	restoreSkip     = 1000
	backupAddresses = 500            // of one branch
	backupEvery     = 24 * time.Hour // if there is something to save
)

// ErrBehind: a wallet that was made of a backup has not seen the chain yet.
var ErrBehind = errors.New("the wallet comes from a backup and does not know which addresses went out since; let it synchronise with the node first")

// backupMark says of when the newest backup is.
type backupMark struct {
	At   int64        `json:"at"`   // Unix time
	Next []branchPair `json:"next"` // indices in it
}

// due reports whether the state should be saved to a new backup.
func (m backupMark) due(next []branchPair, now time.Time) bool {
	age := now.Sub(time.Unix(m.At, 0))
	if age < 0 || age >= backupEvery || len(m.Next) != len(next) { // a clock may be set back
		return true
	}
	for i, pair := range next {
		for b, index := range pair {
			if index >= m.Next[i][b]+backupAddresses {
				return true
			}
		}
	}
	return false
}

// Backup saves the wallet to a new backup beside its file; older ones are
// removed when there are too many. That happens by itself, too, before a save
// when the last one is a day or many addresses old, and when a key is imported.
func (w *Wallet) Backup() (store.Copy, error) {
	w.saving.Lock()
	defer w.saving.Unlock()
	next := w.state.clone()
	made, err := w.backup(&next)
	if err != nil {
		return store.Copy{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = next
	return made, nil
}

// backup writes a state, and notes in it that it was. Called with saving held.
func (w *Wallet) backup(s *state) (store.Copy, error) {
	marked := *s
	marked.backup = backupMark{time.Now().Unix(), slices.Clone(s.next)}
	data, err := marked.encode(w.seed, w.cfg.Params)
	if err != nil {
		return store.Copy{}, err
	}
	defer clear(data)
	made, err := w.file.Backup(data)
	if err != nil {
		return store.Copy{}, err
	}
	*s = marked
	return made, nil
}

// backupIfDue makes a backup of the state that is about to be saved; at once if
// it has new keys that no words restore. The save goes on without one if it
// fails.
func (w *Wallet) backupIfDue(s *state) {
	if len(s.imported) == len(w.state.imported) && !s.backup.due(s.next, time.Now()) {
		return
	}
	if _, err := w.backup(s); err != nil && !errors.Is(err, store.ErrClosed) {
		w.log.Warn("no backup of the wallet was made, trying again at the next change", "err", err)
	}
}

// olderBody returns a copy of a body that an older version of this program wrote;
// otherwise nothing.
func olderBody(body []byte) (older secret.Bytes) {
	var v struct{ Version int }
	if json.Unmarshal(body, &v) == nil && v.Version < bodyVersion {
		older = secret.NewBytes(bytes.Clone(body))
	}
	return older
}

// backupOlder keeps what an older version wrote, as it is, before the first save
// makes the file one that only this version reads: whoever goes back restores it.
// Called with saving held.
func (w *Wallet) backupOlder() error {
	if w.older.Empty() {
		return nil
	}
	if _, err := w.file.Backup(w.older.Reveal()); err != nil {
		return fmt.Errorf("%w: no backup for the version that wrote it last: %w", store.ErrSave, err)
	}
	w.older.Wipe()
	return nil
}

// FromBackup makes a new wallet file of a backup, or of a copy of a wallet file,
// under the same password, and opens it. It knows nothing that came after the
// copy was made, such as labels, frozen coins and imported keys, but finds later
// fidelity bonds; it hands out no address before its first Sync: ErrBehind. The
// errors are those of Create and Open.
func FromBackup(backup, path string, password secret.Text, cfg Config) (*Wallet, error) {
	body, err := store.ReadBackup(backup, password)
	if err != nil {
		return nil, err
	}
	defer clear(body)
	seed, st, err := decodeBody(body, cfg.Params)
	if err != nil {
		return nil, err
	}
	st.behind, st.backup = true, backupMark{}
	st.seek = st.kind == txbuild.P2WPKH // some may have been made since
	w, err := create(path, password, seed, st, cfg)
	if err != nil {
		return nil, err
	}
	w.beginRecovery()
	return w, nil
}

// catchUp leaves out what may have gone out after the backup that the wallet
// comes from. The past must be known. It reports whether there was something to
// do.
func (w *Wallet) catchUp() (skipped bool, err error) {
	err = w.save(func(s *state) error {
		if !s.behind {
			return nil
		}
		s.behind, skipped = false, true
		for i := range s.next {
			for b := range s.next[i] {
				s.next[i][b] = min(s.next[i][b]+restoreSkip, keys.MaxIndex+1)
			}
		}
		return nil
	})
	return skipped && err == nil, err
}
