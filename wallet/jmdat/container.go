package jmdat

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"

	"golang.org/x/crypto/argon2"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// The first bytes of a file say what follows; those of a plain one also start
// the text inside an encrypted one.
const (
	plainMark  = "JMWALLET"
	sealedMark = "JMENCWLT"
)

// Argon2i with these parameters turns the password into a key. They are not in
// the file, so that no file can ask for more work: about a third of a second.
const (
	kdfPasses = 500
	kdfMemory = 1000 // KiB
	kdfLanes  = 4
	keySize   = 32
	saltSize  = 16
)

// deriveKey returns the key that decrypts a file with this salt.
func deriveKey(password secret.Text, salt []byte) []byte {
	return argon2.Key(password.RevealBytes(), salt, kdfPasses, kdfMemory, kdfLanes, keySize)
}

// container is the encrypted form of a wallet: AES-256-CBC without any check
// of integrity but the mark at the start of the text.
type container struct {
	salt []byte // saltSize
	iv   []byte // aes.BlockSize
	data []byte // one or more blocks
}

// readContainer reads what follows the mark of an encrypted file:
// {data: bytes, enc: {iv: bytes, salt: bytes}}. Anything else in there could
// change how to decrypt, so it is not passed over.
func readContainer(body []byte) (container, error) {
	v, err := parse(body)
	if err != nil {
		return container{}, err
	}
	var c container
	for key, child := range v.entries() {
		switch string(key) {
		case "data":
			c.data, _ = child.text()
		case "enc":
			for key, child := range child.entries() {
				switch string(key) {
				case "iv":
					c.iv, _ = child.text()
				case "salt":
					c.salt, _ = child.text()
				default:
					return container{}, ErrUnknownVersion
				}
			}
		default:
			return container{}, ErrUnknownVersion
		}
	}
	switch {
	case c.data == nil || c.iv == nil || c.salt == nil:
		return container{}, fmt.Errorf("%w of what is needed to decrypt it", ErrMissing)
	case len(c.salt) != saltSize:
		return container{}, damaged("its salt has %d bytes instead of %d", len(c.salt), saltSize)
	case len(c.iv) != aes.BlockSize:
		return container{}, damaged("its initialisation vector has %d bytes instead of %d", len(c.iv), aes.BlockSize)
	case len(c.data) == 0 || len(c.data)%aes.BlockSize != 0:
		return container{}, damaged("its encrypted part has %d bytes, not a multiple of %d", len(c.data), aes.BlockSize)
	}
	return c, nil
}

// decrypt returns the text after the mark. The caller should clear it after
// use. The errors are ErrPassword and ErrStart.
func (c container) decrypt(key []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("preparing the cipher: %w", err)
	}
	text := make([]byte, len(c.data))
	cipher.NewCBCDecrypter(block, c.iv).CryptBlocks(text, c.data)
	text = unpad(text)
	if bytes.HasPrefix(text, []byte(plainMark)) {
		return text[len(plainMark):], nil
	}
	defer clear(text)
	// A change of the first block, or of the vector, leaves the later blocks
	// readable: nobody should doubt a good password because of that.
	if bytes.Contains(text, []byte(typeEntry)) {
		return nil, ErrStart
	}
	return nil, ErrPassword
}

// typeEntry stands near the end of the text of every wallet.
const typeEntry = "11:wallet_typei"

// unpad removes PKCS#7 padding if there is any: the reference leaves it out
// when the text fills its last block, versions up to 0.9.10 did not. The text
// ends in "e", which is no padding.
func unpad(text []byte) []byte {
	n := int(text[len(text)-1])
	if n < 1 || n > aes.BlockSize || n > len(text) {
		return text
	}
	head, tail := text[:len(text)-n], text[len(text)-n:]
	if !bytes.Equal(tail, bytes.Repeat(tail[:1], n)) {
		return text
	}
	return head
}
