package wallet_test

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/store"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// fromBackup makes a wallet of a backup in a new folder.
func fromBackup(t testing.TB, backup string, cfg wallet.Config) (*wallet.Wallet, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "w.jmw")
	w, err := wallet.FromBackup(backup, path, wallettest.Password, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w, path
}

// newest returns the newest backup of a wallet file.
func newest(t testing.TB, path string) store.Copy {
	t.Helper()
	copies, err := store.Backups(path)
	if err != nil || len(copies) == 0 {
		t.Fatalf("%d backups, %v", len(copies), err)
	}
	return copies[0]
}

func TestD1BackupRepeatsNoAddress(t *testing.T) {
	c := wallettest.NewChain(regtest)
	cfg := c.Config()
	cfg.Mixdepths = 2
	w, path := create(t, newSeed(t), cfg)
	sync(t, w)
	first := next(t, w, 0, keys.External)
	out := c.Pay(first.Script, 70_000)
	sync(t, w)
	if err := errors.Join(w.SetLabel(labels.ForOutput(out), "rent"), w.Freeze(coins.ByUser, out)); err != nil {
		t.Fatal(err)
	}
	made, err := w.Backup()
	if err != nil {
		t.Fatal(err)
	}
	if newest(t, path) != made {
		t.Errorf("the newest is %v, want %v", newest(t, path), made)
	}
	seen := make(map[string]bool)
	var want sats.Amount = 70_000
	for i := range 60 {
		for _, branch := range []uint32{keys.External, keys.Internal} {
			a := next(t, w, i%2, branch)
			seen[a.Text] = true
			if i < 20 && i%4 == 0 {
				c.Pay(a.Script, 1000)
				want += 1000
			}
		}
	}
	w.Close()

	w, path = fromBackup(t, made.Path, c.Config())
	for _, again := range []bool{false, true} {
		if again { // it stays behind until it has seen the chain
			w.Close()
			w = reopen(t, path, c.Config())
		}
		if a, err := w.NextAddress(0, keys.External); !errors.Is(err, wallet.ErrBehind) || a.Text != "" {
			t.Fatalf("before the first synchronisation: %q, %v", a.Text, err)
		}
	}
	sync(t, w)
	for m := range 2 {
		for _, branch := range []uint32{keys.External, keys.Internal} {
			if a := next(t, w, m, branch); seen[a.Text] {
				t.Errorf("%s a second time", a.Text)
			}
		}
	}
	if got := total(t, w); got != want {
		t.Errorf("the wallet has %v, want %v", got, want)
	}
	if w.Label(labels.ForOutput(out)) != "rent" || causes(t, w)[out] != coins.ByUser {
		t.Error("labels or frozen coins are lost")
	}
	// What is far ahead now is watched.
	far := next(t, w, 1, keys.Internal)
	c.Pay(far.Script, 5000)
	sync(t, w)
	if got := total(t, w); got != want+5000 {
		t.Errorf("with a deposit far ahead the wallet has %v", got)
	}
	// Nothing is left out a second time.
	w.Close()
	w = reopen(t, path, c.Config())
	sync(t, w)
	if a := next(t, w, 1, keys.Internal); a.Path.Index != far.Path.Index+1 {
		t.Errorf("index %d after %d", a.Path.Index, far.Path.Index)
	}
}

// TestD1NewestBackupIsEnough: however many addresses go out without being paid,
// the newest backup that was made by itself repeats none.
func TestD1NewestBackupIsEnough(t *testing.T) {
	c := wallettest.NewChain(regtest)
	cfg := c.Config()
	cfg.Mixdepths, cfg.Files = 1, unflushed{durable.OS}
	w, path := create(t, newSeed(t), cfg)
	var last wallet.Address
	for range 1300 {
		last = next(t, w, 0, keys.Internal)
	}
	w.Close()
	copies, err := store.Backups(path)
	if err != nil || len(copies) != 3 {
		t.Errorf("%d backups, %v", len(copies), err)
	}
	w, _ = fromBackup(t, newest(t, path).Path, c.Config())
	defer w.Close()
	sync(t, w)
	if a := next(t, w, 0, keys.Internal); a.Path.Index <= last.Path.Index {
		t.Errorf("index %d goes out, the last was %d", a.Path.Index, last.Path.Index)
	}
}

// unflushed is a disk that is quick, as it never writes for good.
type unflushed struct{ durable.System }

type unflushedFile struct{ durable.File }

func (unflushedFile) Sync() error { return nil }

func (unflushed) SyncDir(string) error { return nil }

func (d unflushed) Create(name string, perm fs.FileMode) (durable.File, error) {
	f, err := d.System.Create(name, perm)
	return unflushedFile{f}, err
}

// No words restore an imported key, so that a backup is made at once.
func TestBackupHasImportedKeys(t *testing.T) {
	w, path := create(t, newSeed(t), offline())
	defer w.Close()
	next(t, w, 0, keys.External)
	first := newest(t, path)
	other, err := keys.NewTree(newSeed(t), txbuild.P2WPKH, regtest)
	if err != nil {
		t.Fatal(err)
	}
	wif, err := other.WIF(keys.Path{})
	if err != nil {
		t.Fatal(err)
	}
	a := importKey(t, w, wif, 0)
	if newest(t, path) == first {
		t.Fatal("no new backup")
	}
	again, _ := fromBackup(t, newest(t, path).Path, offline())
	defer again.Close()
	if _, err := importOne(again, wif, 0); !errors.Is(err, wallet.ErrKnownKey) {
		t.Errorf("importing %s again: %v", a.Text, err)
	}
}

// A copy of the wallet file itself is an old state as well.
func TestCopyOfTheFileServesAsABackup(t *testing.T) {
	c := wallettest.NewChain(regtest)
	cfg := c.Config()
	cfg.Mixdepths = 1
	w, path := create(t, newSeed(t), cfg)
	a := next(t, w, 0, keys.External)
	w.Close()
	w, _ = fromBackup(t, path, c.Config())
	defer w.Close()
	sync(t, w)
	if b := next(t, w, 0, keys.External); b.Path.Index <= a.Path.Index+100 {
		t.Errorf("index %d after %d", b.Path.Index, a.Path.Index)
	}
}

func TestFromBackupRefuses(t *testing.T) {
	w, path := create(t, newSeed(t), offline())
	next(t, w, 0, keys.External)
	backup := newest(t, path).Path
	if _, err := wallet.Open(backup, wallettest.Password, offline()); !errors.Is(err, store.ErrBackup) {
		t.Errorf("D1: opened as a wallet: %v", err)
	}
	w.Close()
	if _, err := w.Backup(); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := wallet.FromBackup(backup, path, wallettest.Password, offline()); !errors.Is(err, store.ErrExists) {
		t.Errorf("W6: over a wallet: %v", err)
	}
	if _, err := wallet.FromBackup(backup, path+"2", secret.NewText("x"), offline()); !errors.Is(err, store.ErrPassword) {
		t.Errorf("wrong password: %v", err)
	}
	if _, err := wallet.FromBackup(backup, path+"2", wallettest.Password, wallet.Config{}); err == nil {
		t.Error("without a network")
	}
}

// noBackups is a disk with no space for backups.
type noBackups struct {
	durable.System
	full bool
}

func (d *noBackups) Create(name string, perm fs.FileMode) (durable.File, error) {
	if d.full && filepath.Base(filepath.Dir(name)) == "backups" {
		return nil, errDisk
	}
	return d.System.Create(name, perm)
}

func TestD7FailedBackupStopsNothing(t *testing.T) {
	cfg := offline()
	disk := &noBackups{durable.OS, true}
	cfg.Files = disk
	w, path := create(t, newSeed(t), cfg)
	defer w.Close()
	next(t, w, 0, keys.External)
	if _, err := w.Backup(); !errors.Is(err, errDisk) {
		t.Errorf("Backup: %v", err)
	}
	if copies, err := store.Backups(path); err != nil || len(copies) != 0 {
		t.Errorf("%v, %v", copies, err)
	}
	disk.full = false
	next(t, w, 0, keys.External) // tries again
	first := newest(t, path)
	next(t, w, 0, keys.External)
	if got := newest(t, path); got != first {
		t.Errorf("a backup for every change: %v", got)
	}
}

// TestW13BackupHasTheBonds: bonds are found again from any backup, from one that
// is older than the bond, too, and nobody has to say which months they have.
func TestW13BackupHasTheBonds(t *testing.T) {
	c := wallettest.NewChain(regtest)
	cfg := c.Config()
	cfg.RecoveryGap = 10
	w, _ := create(t, newSeed(t), cfg)
	sync(t, w)
	before, err := w.Backup()
	if err != nil {
		t.Fatal(err)
	}
	month := nextMonth(t)
	out := c.Pay(bondAddress(t, w, month).Script, 500_000)
	c.Mine(1)
	sync(t, w)
	after, err := w.Backup()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, backup := range map[string]string{"before": before.Path, "after": after.Path} {
		cfg.Chain = c.Backend()
		again, _ := fromBackup(t, backup, cfg)
		sync(t, again)
		if all := bonds(t, again); len(all) != 1 || all[0].OutPoint != out || all[0].Expired || all[0].Cause != coins.ByBond {
			t.Errorf("from the backup %s: %+v", name, all)
		}
		again.Close()
	}
}

// TestD13OlderFileIsKept: before a file of an older version becomes one that only
// this version reads, it is in a backup as it was. Without that backup nothing is
// changed; reading alone makes none.
func TestD13OlderFileIsKept(t *testing.T) {
	old := []byte(`{"version":1,"network":"regtest","type":"p2wpkh","entropy":"00000000000000000000000000000000","extension":"","birth":0,"next":[[1,2]],"frozen":[]}`)
	for name, change := range map[string]func(*wallet.Wallet) error{
		"an address": func(w *wallet.Wallet) error { _, err := w.NextAddress(0, keys.External); return err },
		"a password": func(w *wallet.Wallet) error { return w.ChangePassword(wallettest.Password) },
	} {
		path := filepath.Join(t.TempDir(), "w.jmw")
		file, err := store.Create(path, wallettest.Password, old, store.Config{KDF: wallettest.LightKDF})
		if err != nil {
			t.Fatal(err)
		}
		file.Close()
		kept := func() (n int) {
			t.Helper()
			copies, err := store.Backups(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range copies {
				if body, err := store.ReadBackup(c.Path, wallettest.Password); err != nil {
					t.Error(err)
				} else if bytes.Equal(body, old) {
					n++
				}
			}
			return n
		}
		cfg := offline()
		disk := &noBackups{durable.OS, true}
		cfg.Files = disk
		w, err := wallet.Open(path, wallettest.Password, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := change(w); !errors.Is(err, store.ErrSave) || !errors.Is(err, errDisk) || kept() != 0 {
			t.Errorf("%s without a backup: %v", name, err)
		}
		w.Close()
		w, err = wallet.Open(path, wallettest.Password, offline())
		if err != nil || kept() != 0 {
			t.Fatalf("%s: it was changed by reading or in vain: %v", name, err)
		}
		for range 2 {
			if err := change(w); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.Close()
		if n := kept(); n != 1 {
			t.Errorf("%s: kept %d times", name, n)
		}
	}
}
