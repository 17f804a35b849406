package control

import (
	"reflect"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// Validate checks role, nick and network, and every channel.
func (r StartRequest) Validate() error {
	if err := check(
		field{r.Role == RoleTaker || r.Role == RoleMaker || r.Role == RoleWatcher, "role"},
		field{r.Nick.Valid(), "nick"},
		field{network.MatchString(r.Network), "network"},
		field{size(len(r.Channels), 0, MaxChannels) &&
			distinct(r.Channels, func(c ChannelConfig) string { return c.Name }), "channels"},
	); err != nil {
		return err
	}
	for _, c := range r.Channels {
		if err := c.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// Validate checks the form of the token.
func (r ResumeRequest) Validate() error {
	return check(field{protocol.IsHex(string(r.Token), 32), "token"})
}

// Validate checks that the role is one in which a client says something.
func (r BecomeRequest) Validate() error {
	return check(field{r.Role == RoleTaker || r.Role == RoleMaker, "role"})
}

// Validate checks the form of names and addresses; which types there are, the
// daemon knows.
func (c ChannelConfig) Validate() error {
	if err := check(
		field{plain(c.Name, 1, 64), "name"},
		field{plain(c.Type, 1, 16), "type"},
	); err != nil {
		return err
	}
	if c.Type == TypeOnion {
		return c.validateOnion()
	}
	return check(
		field{plain(c.Host, 1, 255), "host"},
		field{c.Port != 0, "port"},
		field{plain(c.Room, 1, 64), "room"},
		field{plain(c.SOCKS5, 0, 300), "socks5"},
		field{c.LineInterval <= time.Minute, "line_interval_ns"},
		field{size(len(c.Alternates), 0, MaxAlternates) &&
			all(c.Alternates, func(a string) bool { return plain(a, 1, 300) }) &&
			distinct(c.Alternates, same), "alternates"},
		field{size(len(c.TLSCA), 0, MaxPEM), "tls_ca"},
		field{size(len(c.ClientCert), 0, MaxPEM), "client_cert"},
		field{plain(string(c.Password), 0, MaxCredential), "password"},
		field{c.SASL == "" || c.SASL == SASLPlain || c.SASL == SASLExternal, "sasl"},
		field{plain(c.SASLUser, 0, MaxCredential), "sasl_user"},
		field{plain(string(c.SASLPassword), 0, MaxCredential), "sasl_password"},
	)
}

// validateOnion checks those fields that an onion channel has; the others must be
// empty.
func (c ChannelConfig) validateOnion() error {
	others := c
	others.Name, others.Type, others.SOCKS5, others.Directories = "", "", "", nil
	others.TorControl, others.Serving, others.OnionKey, others.OnionAddress, others.Loopback = "", "", "", "", false
	return check(
		field{size(len(c.Directories), 1, MaxDirectories) &&
			all(c.Directories, func(a string) bool { return plain(a, 1, 300) }) &&
			distinct(c.Directories, same), "directories"},
		field{plain(c.SOCKS5, 0, 300), "socks5"},
		field{plain(c.TorControl, 0, 300), "tor_control"},
		field{plain(c.Serving, 0, 300), "serving"},
		field{c.OnionKey == "" || protocol.IsHex(string(c.OnionKey), 32), "onion_key"},
		field{plain(c.OnionAddress, 0, 300) && (c.OnionAddress == "" || c.OnionKey == ""), "onion_address"},
		field{reflect.DeepEqual(others, ChannelConfig{}), "of another type than onion"},
	)
}

// Validate checks number, form and distinct ids of the offers.
func (r AnnounceRequest) Validate() error {
	if err := check(field{size(len(r.Offers), 0, protocol.MaxOwnOffers) &&
		distinct(r.Offers, func(o protocol.Offer) protocol.OfferID { return o.ID }), "offers"}); err != nil {
		return err
	}
	for _, o := range r.Offers {
		if err := o.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// Validate checks amount, commitment, makers and deadline.
func (r FillRequest) Validate() error {
	return check(
		field{r.Amount > 0 && r.Amount.Valid(), "amount"},
		field{commitment(r.Commitment), "commitment"},
		field{offersOf(r.Makers), "makers"},
		field{r.Deadline >= 0 && r.Deadline <= MaxDeadline, "deadline_ns"},
	)
}

// Validate checks attempt and makers.
func (r RefillRequest) Validate() error {
	return check(field{r.Attempt > 0, "attempt"}, field{offersOf(r.Makers), "makers"})
}

func offersOf(makers []MakerOffer) bool {
	return size(len(makers), 1, protocol.MaxMakers) &&
		all(makers, func(m MakerOffer) bool { return m.Nick.Valid() && m.OfferID >= 0 }) &&
		distinct(makers, func(m MakerOffer) protocol.Nick { return m.Nick })
}

// Validate checks the makers and the size of the revelation.
func (r AuthRequest) Validate() error {
	return check(
		field{r.Attempt > 0, "attempt"},
		field{nicks(r.Makers), "makers"},
		field{plain(r.Revelation, 1, MaxRevelation), "revelation"},
	)
}

// Validate checks the makers and the size of the transaction.
func (r TxRequest) Validate() error {
	return check(
		field{r.Attempt > 0, "attempt"},
		field{nicks(r.Makers), "makers"},
		field{size(len(r.Tx), 1, protocol.MaxTx), "tx"},
	)
}

// Validate checks the maker and the size of the transaction.
func (r PushRequest) Validate() error {
	return check(
		field{r.Maker.Valid(), "maker"},
		field{size(len(r.Tx), 1, protocol.MaxPush), "tx"},
	)
}

// Validate checks number and form of the coins and the form of the rest.
func (o IOAuth) Validate() error {
	return check(
		field{size(len(o.UTXOs), 1, protocol.MaxUTXOs) && all(o.UTXOs, utxo) && distinct(o.UTXOs, same), "utxos"},
		field{protocol.IsPubKey(o.AuthPubKey), "authpubkey"},
		field{address(o.CJAddress), "cjaddr"},
		field{address(o.ChangeAddress), "changeaddr"},
		field{protocol.IsSignature(o.Signature), "sig"},
	)
}

// Validate checks the number of the conversation and the IOAuth.
func (r IOAuthRequest) Validate() error {
	if err := check(field{r.Conversation > 0, "conversation"}); err != nil {
		return err
	}
	return r.IOAuth.Validate()
}

// Validate checks number and form of the signatures.
func (r SigsRequest) Validate() error {
	return check(
		field{r.Conversation > 0, "conversation"},
		field{size(len(r.Sigs), 1, protocol.MaxUTXOs) && all(r.Sigs, sigScript), "sigs"},
	)
}

// Validate checks the form of the reason; a newer side may have new ones.
func (r RefuseRequest) Validate() error {
	return check(
		field{r.Conversation > 0, "conversation"},
		field{reason.MatchString(string(r.Reason)), "reason"},
	)
}

// Validate checks the receiver and the sizes.
func (r SignRequest) Validate() error {
	return check(
		field{r.To.Valid(), "to"},
		field{plain(r.Command, 1, 32), "command"},
		field{plain(r.Text, 1, MaxText), "text"},
		field{plain(r.HostID, 1, MaxHostID), "hostid"},
	)
}

// Validate checks the form of key and signature.
func (a SignAnswer) Validate() error {
	return check(
		field{protocol.IsPubKey(a.PubKey), "pubkey"},
		field{protocol.IsSignature(a.Signature), "sig"},
	)
}

// Validate checks the form of every field.
func (r VerifyRequest) Validate() error {
	return check(
		field{r.Nick.Valid(), "nick"},
		field{plain(r.Command, 0, 32), "command"},
		field{plain(r.Text, 1, MaxText), "text"},
		field{plain(r.HostID, 1, MaxHostID), "hostid"},
		field{protocol.IsPubKey(r.PubKey), "pubkey"},
		field{protocol.IsSignature(r.Signature), "sig"},
	)
}

// Validate checks the form of the nick.
func (r BondRequest) Validate() error { return check(field{r.Taker.Valid(), "taker"}) }

// Validate checks the size of the proof.
func (a BondAnswer) Validate() error { return check(field{bondProof(a.Proof), "proof"}) }
