package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Layout of the file, integers big-endian:
//
//	 0   8  kind of file: "jmwallet", "jmbackup" for a backup copy of one,
//	        "jm-chain" for the file beside one
//	 8   2  format version, 1
//	10   2  format version with every bit turned
//	12   4  Argon2id memory in KiB
//	16   4  Argon2id passes
//	20   4  Argon2id lanes
//	24  16  Argon2id salt, new for every password
//	40  32  check: tells a wrong password from a damaged file
//	72  24  XChaCha20-Poly1305 nonce, new for every save
//	96   8  start of the SHA256 over bytes 0..95
//	104     body, sealed, with bytes 0..103 as associated data
//
// The version is written twice so that a damaged byte is not taken for a newer
// version. The hash finds damage before time is spent on the password; against
// people who write a hash of their own there are the bounds on the parameters
// and the seal.
const (
	version     = 1
	magicSize   = 8
	versionSize = 4 // the version and its inverse
	sumSize     = 8
	headerSize  = 104
)

// kind is the magic of a file.
type kind string

const (
	live   kind = "jmwallet"
	backup kind = "jmbackup"
	side   kind = "jm-chain"
)

// Bytes with which files of the reference implementation begin.
var referenceMagics = [][]byte{[]byte("JMWALLET"), []byte("JMENCWLT")}

// Errors of reading a file. Each tells in its text what to do.
var (
	// ErrNotWallet: the file is something else.
	ErrNotWallet = errors.New("this is not a wallet file of this program, or its first bytes are damaged; check the path, or restore the file from a backup")
	// ErrReference: the file belongs to the reference implementation.
	ErrReference = errors.New("this is a wallet file (.jmdat) of the Python JoinMarket; make one of ours of it with: jm wallet migrate FILE")
	// ErrBackup: the file is a backup copy. It must not be used as it is, since
	// it does not know which addresses went out after it was made.
	ErrBackup = errors.New("this is a backup copy of a wallet; make a wallet of it with: jm wallet restore-backup")
	// ErrFutureVersion: a newer program wrote the file. It was not touched.
	ErrFutureVersion = errors.New("this wallet file was written by a newer version of this program; it has not been changed, open it with that version")
	// ErrDamaged: the file is a wallet, but not as it was written.
	ErrDamaged = errors.New("this wallet file is damaged; restore it from a backup (jm wallet restore-backup), or recover the wallet from its seed phrase")
)

// header is everything before the body.
type header struct {
	kind  kind
	kdf   KDF
	salt  [saltSize]byte
	check [checkSize]byte
	nonce [nonceSize]byte
}

// encode writes the header, headerSize bytes.
func (h header) encode() []byte {
	b := append(make([]byte, 0, headerSize), h.kind...)
	b = binary.BigEndian.AppendUint16(b, version)
	b = binary.BigEndian.AppendUint16(b, ^uint16(version))
	b = binary.BigEndian.AppendUint32(b, h.kdf.Memory)
	b = binary.BigEndian.AppendUint32(b, h.kdf.Passes)
	b = binary.BigEndian.AppendUint32(b, h.kdf.Lanes)
	b = append(b, h.salt[:]...)
	b = append(b, h.check[:]...)
	b = append(b, h.nonce[:]...)
	sum := sha256.Sum256(b)
	return append(b, sum[:sumSize]...)
}

// decodeHeader reads what encode wrote, from the beginning of a file.
func decodeHeader(file []byte) (header, error) {
	for _, m := range referenceMagics {
		if bytes.HasPrefix(file, m) {
			return header{}, ErrReference
		}
	}
	start := kind(file[:min(len(file), magicSize)])
	ours := func(k kind) bool { return strings.HasPrefix(string(k), string(start)) }
	if !slices.ContainsFunc([]kind{live, backup, side}, ours) {
		return header{}, ErrNotWallet
	}
	if len(file) < magicSize+versionSize {
		return header{}, fmt.Errorf("%w (it is cut short)", ErrDamaged)
	}
	v, inverse := binary.BigEndian.Uint16(file[8:]), binary.BigEndian.Uint16(file[10:])
	switch {
	case v != ^inverse || v == 0:
		return header{}, fmt.Errorf("%w (its header is wrong)", ErrDamaged)
	case v > version:
		return header{}, fmt.Errorf("%w (format %d, known is %d)", ErrFutureVersion, v, version)
	case len(file) < headerSize:
		return header{}, fmt.Errorf("%w (it is cut short)", ErrDamaged)
	}
	h := header{
		kind: start,
		kdf: KDF{
			Memory: binary.BigEndian.Uint32(file[12:]),
			Passes: binary.BigEndian.Uint32(file[16:]),
			Lanes:  binary.BigEndian.Uint32(file[20:]),
		},
		salt:  [saltSize]byte(file[24:]),
		check: [checkSize]byte(file[40:]),
		nonce: [nonceSize]byte(file[72:]),
	}
	if !bytes.Equal(h.encode(), file[:headerSize]) {
		return header{}, fmt.Errorf("%w (its header is wrong)", ErrDamaged)
	}
	if err := h.kdf.Validate(); err != nil {
		return header{}, fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	return h, nil
}
