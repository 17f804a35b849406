package neutrino

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/btcsuite/btcwallet/walletdb"
	_ "github.com/btcsuite/btcwallet/walletdb/bdb" // the kind of database
	"go.etcd.io/bbolt"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// ErrInUse: another process has the light client's database open.
var ErrInUse = errors.New("another program uses the light client's database; close that program first")

var errDamaged = errors.New("the record of the wallet's transactions is damaged")

const (
	databaseName = "neutrino.db" // which the library shares
	// lockTime is how long a program that ends may keep the lock.
	lockTime = time.Second
	// storeVersion is the format of the record.
	storeVersion = 1
)

// The record has a bucket of its own, with these keys and buckets. Numbers are
// big-endian.
var (
	bucketRecord = []byte("joinmarket")
	keyFormat    = []byte("format")  // version (1 byte), hash of the network's first block
	keyExtent    = []byte("extent")  // from (4), height of to (4), hashes of recent
	bucketScript = []byte("scripts") // script -> nothing
	bucketTx     = []byte("txs")     // height (4), position (4) -> hash of block, time (8), transaction
	bucketSent   = []byte("sent")    // id -> time in ns (8), transaction
)

// openStore opens or makes the database, and reads the record.
func openStore(dir string, params *chaincfg.Params) (_ walletdb.DB, r record, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, r, fmt.Errorf("the light client's folder: %w", err)
	}
	db, err := walletdb.Create("bdb", filepath.Join(dir, databaseName), true, lockTime, false)
	if errors.Is(err, bbolt.ErrTimeout) {
		return nil, r, fmt.Errorf("%w (%s)", ErrInUse, dir)
	}
	if err != nil {
		return nil, r, fmt.Errorf("the light client's database in %s: %w", dir, err)
	}
	defer func() {
		if err != nil {
			db.Close()
		}
	}()
	err = walletdb.Update(db, func(tx walletdb.ReadWriteTx) error {
		bucket, err := tx.CreateTopLevelBucket(bucketRecord)
		if err != nil {
			return err
		}
		return r.read(bucket, params)
	})
	if err != nil {
		return nil, r, fmt.Errorf("the light client's database in %s: %w", dir, err)
	}
	return db, r, nil
}

// read makes the buckets if they are missing, and reads them.
func (r *record) read(bucket walletdb.ReadWriteBucket, params *chaincfg.Params) error {
	format := append([]byte{storeVersion}, params.GenesisHash[:]...)
	switch has := bucket.Get(keyFormat); {
	case has == nil:
		if err := bucket.Put(keyFormat, format); err != nil {
			return err
		}
	case len(has) > 0 && has[0] > storeVersion:
		return errors.New("a newer version of this program made it; use that version")
	case len(has) != len(format):
		return errDamaged
	case !bytes.Equal(has, format):
		return fmt.Errorf("%w: it is not of %s; give each network a folder of its own", chain.ErrWrongNetwork, params.Name)
	}
	if raw := bucket.Get(keyExtent); raw != nil {
		if len(raw) < 8+chainhash.HashSize || (len(raw)-8)%chainhash.HashSize != 0 {
			return errDamaged
		}
		r.from, r.to.Height = int32(binary.BigEndian.Uint32(raw)), int32(binary.BigEndian.Uint32(raw[4:]))
		for hash := range slices.Chunk(raw[8:], chainhash.HashSize) {
			r.recent = append(r.recent, chainhash.Hash(hash))
		}
		r.to.Hash = r.recent[len(r.recent)-1]
	}
	for name, take := range map[string]func(key, value []byte) error{
		string(bucketScript): func(script, _ []byte) error { r.scripts.Add(bytes.Clone(script)); return nil },
		string(bucketTx):     r.readTx,
		string(bucketSent):   r.readSent,
	} {
		part, err := bucket.CreateBucketIfNotExists([]byte(name))
		if err != nil {
			return err
		}
		if err := part.ForEach(take); err != nil {
			return err
		}
	}
	slices.SortFunc(r.sent, func(x, y chain.Tx) int { return cmp.Or(x.Time.Compare(y.Time), bytes.Compare(id(x), id(y))) })
	r.index()
	return nil
}

func id(tx chain.Tx) []byte {
	hash := tx.Msg.TxHash()
	return hash[:]
}

func (r *record) readTx(key, value []byte) error {
	if len(key) != 8 || len(value) < chainhash.HashSize+8 {
		return errDamaged
	}
	msg := new(wire.MsgTx)
	if err := msg.Deserialize(bytes.NewReader(value[chainhash.HashSize+8:])); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	r.txs = append(r.txs, found{
		Tx: chain.Tx{
			Msg:   msg,
			Block: chain.BlockID{Height: int32(binary.BigEndian.Uint32(key)), Hash: chainhash.Hash(value[:chainhash.HashSize])},
			Time:  time.Unix(int64(binary.BigEndian.Uint64(value[chainhash.HashSize:])), 0),
		},
		position: int32(binary.BigEndian.Uint32(key[4:])),
	})
	return nil
}

func (f found) encode() (key, value []byte, err error) {
	key = binary.BigEndian.AppendUint32(nil, uint32(f.Block.Height))
	key = binary.BigEndian.AppendUint32(key, uint32(f.position))
	buffer := bytes.NewBuffer(binary.BigEndian.AppendUint64(f.Block.Hash[:], uint64(f.Time.Unix())))
	err = f.Msg.Serialize(buffer)
	return key, buffer.Bytes(), err
}

func (r *record) readSent(_, value []byte) error {
	if len(value) < 8 {
		return errDamaged
	}
	msg := new(wire.MsgTx)
	if err := msg.Deserialize(bytes.NewReader(value[8:])); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	r.sent = append(r.sent, chain.Tx{Msg: msg, Time: time.Unix(0, int64(binary.BigEndian.Uint64(value)))})
	return nil
}

// change runs a change of the record on the disk, all of it or nothing.
func (b *Backend) change(do func(record walletdb.ReadWriteBucket) error) error {
	err := walletdb.Update(b.db, func(tx walletdb.ReadWriteTx) error { return do(tx.ReadWriteBucket(bucketRecord)) })
	if err != nil {
		return b.broken(err)
	}
	return nil
}

// saveSearch writes what a search found, and how far it went.
func saveSearch(record walletdb.ReadWriteBucket, e extent, scripts [][]byte, txs []found) error {
	known := record.NestedReadWriteBucket(bucketScript)
	for _, script := range scripts {
		if err := known.Put(script, nil); err != nil {
			return err
		}
	}
	list := record.NestedReadWriteBucket(bucketTx)
	for _, tx := range txs {
		key, value, err := tx.encode()
		if err == nil {
			err = list.Put(key, value)
		}
		if err != nil {
			return err
		}
	}
	raw := binary.BigEndian.AppendUint32(nil, uint32(e.from))
	raw = binary.BigEndian.AppendUint32(raw, uint32(e.to.Height))
	for _, hash := range e.recent {
		raw = append(raw, hash[:]...)
	}
	return record.Put(keyExtent, raw)
}

// saveRewind deletes what is in blocks above the extent.
func saveRewind(record walletdb.ReadWriteBucket, e extent) error {
	list := record.NestedReadWriteBucket(bucketTx)
	var above [][]byte
	cursor := list.ReadCursor()
	first := binary.BigEndian.AppendUint32(nil, uint32(e.to.Height+1))
	for key, _ := cursor.Seek(first); key != nil; key, _ = cursor.Next() {
		above = append(above, bytes.Clone(key))
	}
	for _, key := range above {
		if err := list.Delete(key); err != nil {
			return err
		}
	}
	return saveSearch(record, e, nil, nil)
}

// saveRestart deletes all but what was sent.
func saveRestart(record walletdb.ReadWriteBucket) error {
	for _, bucket := range [][]byte{bucketScript, bucketTx} {
		if err := record.DeleteNestedBucket(bucket); err != nil {
			return err
		}
		if _, err := record.CreateBucket(bucket); err != nil {
			return err
		}
	}
	return record.Delete(keyExtent)
}

func saveSent(record walletdb.ReadWriteBucket, tx chain.Tx) error {
	value := bytes.NewBuffer(binary.BigEndian.AppendUint64(nil, uint64(tx.Time.UnixNano())))
	if err := tx.Msg.Serialize(value); err != nil {
		return err
	}
	return record.NestedReadWriteBucket(bucketSent).Put(id(tx), value.Bytes())
}

func deleteSent(record walletdb.ReadWriteBucket, ids []chainhash.Hash) error {
	for _, id := range ids {
		if err := record.NestedReadWriteBucket(bucketSent).Delete(id[:]); err != nil {
			return err
		}
	}
	return nil
}
