// Package identity is who a client is in the market for one session: a random
// key, the nick made from it, and the signatures that prove the nick. It also
// checks the nicks of others for the daemon, which has no Bitcoin code.
//
// The key never holds coins. It lives in memory only; a new session has a new
// one, so that two sessions have no name in common (attack P8).
package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/address/v2/base58"
	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet/message"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// ErrRefused means that we do not sign a text the daemon asked us to sign.
var ErrRefused = errors.New("refused to sign a text")

// Identity is a nick and its key. It is safe for use from several goroutines
// and prints as the nick.
type Identity struct {
	nick   protocol.Nick
	pubKey string // 66 lower-case hex digits
	key    secret.Bytes
}

// New draws a key for one session.
func New() (*Identity, error) {
	key, err := btcec.NewPrivateKey()
	if err != nil {
		return nil, fmt.Errorf("drawing a nick key: %w", err)
	}
	return of(key), nil
}

func of(key *btcec.PrivateKey) *Identity {
	pubKey := hex.EncodeToString(key.PubKey().SerializeCompressed())
	return &Identity{NickOf(pubKey), pubKey, secret.NewBytes(key.Serialize())}
}

// NickOf returns the nick that belongs to a public key, given as the 66
// lower-case hex digits that travel: it hashes that text, not the key's bytes
// (protocol: nicks).
func NickOf(pubKey string) protocol.Nick {
	hash := sha256.Sum256([]byte(pubKey))
	text := base58.Encode(hash[:10])
	return protocol.Nick("J5" + text + strings.Repeat("O", 14-len(text)))
}

// Nick is the name in the market.
func (id *Identity) Nick() protocol.Nick { return id.nick }

// String is the nick.
func (id *Identity) String() string { return string(id.nick) }

// Sign signs a private message for the daemon. The text must be printable
// ASCII, of a size that can travel, and end with the host id, so that a daemon
// gets no signature over anything but a message of the market; else the error
// is ErrRefused.
func (id *Identity) Sign(r control.SignRequest) (control.SignAnswer, error) {
	switch {
	case r.HostID == "" || !strings.HasSuffix(r.Text, r.HostID) || len(r.Text) == len(r.HostID):
		return control.SignAnswer{}, fmt.Errorf("%w: it is not a message followed by the host id", ErrRefused)
	case len(r.Text) > control.MaxText:
		return control.SignAnswer{}, fmt.Errorf("%w: %d bytes", ErrRefused, len(r.Text))
	case !protocol.Printable(r.Text):
		return control.SignAnswer{}, fmt.Errorf("%w: it has characters that no line carries", ErrRefused)
	}
	key, _ := btcec.PrivKeyFromBytes(id.key.Reveal())
	return control.SignAnswer{
		PubKey:    id.pubKey,
		Signature: message.EncodeSignature(message.Sign(key, r.Text)),
	}, nil
}

// Verify tells whether the signature is valid for the text, which must end with
// the host id as given (the daemon asks again for its lower-case form), and
// whether the key is the one behind the nick.
func (id *Identity) Verify(r control.VerifyRequest) control.VerifyAnswer {
	return control.VerifyAnswer{Valid: verify(r)}
}

func verify(r control.VerifyRequest) bool {
	if r.HostID == "" || !strings.HasSuffix(r.Text, r.HostID) || len(r.Text) > control.MaxText {
		return false
	}
	// Only the lower-case text of a compressed key makes the nicks in use.
	if !r.Nick.Valid() || !protocol.IsPubKey(r.PubKey) || NickOf(r.PubKey) != r.Nick {
		return false
	}
	pubKey, err := hex.DecodeString(r.PubKey)
	if err != nil {
		return false
	}
	der, err := message.DecodeSignature(r.Signature)
	return err == nil && message.Verify(pubKey, r.Text, der) == nil
}
