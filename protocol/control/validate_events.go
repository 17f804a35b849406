package control

import (
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
)

func channelName(s string) bool { return plain(s, 1, 64) }

func channelNames(list []string) bool {
	return size(len(list), 0, MaxChannels) && all(list, channelName)
}

// Validate checks number and form of the names.
func (a StartAnswer) Validate() error {
	return check(
		field{channelNames(a.Channels), "channels"},
		field{a.Token == "" && a.Grace == 0 || a.good(), "token"},
	)
}

func (r Resumption) good() bool {
	return protocol.IsHex(string(r.Token), 32) && r.Grace > 0 && r.Grace <= MaxGrace
}

// Validate checks the form of every field; a newer daemon may have new states.
func (a ResumeAnswer) Validate() error {
	return check(
		field{a.good(), "token"},
		field{a.Role == RoleTaker || a.Role == RoleMaker || a.Role == RoleWatcher, "role"},
		field{a.Nick.Valid(), "nick"},
		field{size(len(a.Channels), 0, MaxChannels) &&
			all(a.Channels, func(e ChannelEvent) bool { return e.Validate() == nil }), "channels"},
		field{size(len(a.Conversations), 0, MaxConversations) && all(a.Conversations, func(c ConversationState) bool {
			return c.Conversation > 0 && c.Nick.Valid() && plain(c.State, 1, 32)
		}), "conversations"},
	)
}

// Validate checks number and form of the names.
func (e ReadyEvent) Validate() error {
	return check(field{channelNames(e.Channels), "channels"})
}

// Validate checks the names and that texts are short and printable. A newer
// daemon may have new states.
func (e ChannelEvent) Validate() error {
	return check(
		field{channelName(e.Channel), "channel"},
		field{plain(string(e.State), 1, 32), "state"},
		field{plain(e.HostID, 0, MaxHostID), "hostid"},
		field{freeText(e.Reason), "reason"},
		field{e.Code == "" || reason.MatchString(e.Code), "code"},
		field{0 <= e.LineInterval && e.LineInterval <= time.Minute, "line_interval_ns"},
	)
}

// Validate checks the name and that the text is short and printable.
func (e AlertEvent) Validate() error {
	return check(
		field{channelName(e.Channel), "channel"},
		field{freeText(e.Text), "text"},
	)
}

// Validate checks number and form of all entries.
func (a OrderbookAnswer) Validate() error {
	return check(
		field{size(len(a.Offers), 0, protocol.MaxOffers) && all(a.Offers, func(e OfferEntry) bool {
			return e.Nick.Valid() && e.Offer.Validate() == nil
		}), "offers"},
		field{size(len(a.Bonds), 0, MaxBookBonds) && all(a.Bonds, func(e BondEntry) bool {
			return e.Nick.Valid() && e.Taker.Valid() && bondProof(e.Proof)
		}), "bonds"},
	)
}

// Validate checks the form of the key.
func (e PubKeyEvent) Validate() error {
	return check(
		field{e.Attempt > 0, "attempt"},
		field{e.Maker.Valid(), "maker"},
		field{protocol.IsHex(e.PubKey, 32), "pubkey"},
	)
}

// Validate checks the form of the key and the IOAuth.
func (e IOAuthEvent) Validate() error {
	if err := check(
		field{e.Attempt > 0, "attempt"},
		field{e.Maker.Valid(), "maker"},
		field{protocol.IsHex(e.PubKey, 32), "pubkey"},
	); err != nil {
		return err
	}
	return e.IOAuth.Validate()
}

// Validate checks the form of the signature.
func (e SigEvent) Validate() error {
	return check(
		field{e.Attempt > 0, "attempt"},
		field{e.Maker.Valid(), "maker"},
		field{sigScript(e.Sig), "sig"},
	)
}

// Validate checks the form of reason and text; a newer side may have new
// reasons.
func (e FailedEvent) Validate() error {
	return check(
		field{e.Attempt > 0, "attempt"},
		field{e.Maker.Valid(), "maker"},
		field{reason.MatchString(string(e.Reason)), "reason"},
		field{freeText(e.Text), "text"},
	)
}

// Validate checks that the text is short and printable.
func (e ErrorEvent) Validate() error {
	return check(
		field{e.Nick.Valid(), "nick"},
		field{freeText(e.Text), "text"},
	)
}

// Validate checks the form of every field.
func (e AuthEvent) Validate() error {
	return check(
		field{e.Conversation > 0, "conversation"},
		field{e.Taker.Valid(), "taker"},
		field{e.OfferID >= 0, "oid"},
		field{e.Amount > 0 && e.Amount.Valid(), "amount"},
		field{e.Offer == protocol.Offer{} || e.Offer.ID == e.OfferID && e.Offer.Validate() == nil, "offer"},
		field{commitment(e.Commitment), "commitment"},
		field{plain(e.Revelation, 1, MaxRevelation), "revelation"},
		field{protocol.IsHex(e.PubKey, 32), "pubkey"},
	)
}

// Validate checks the size of the transaction.
func (e TxEvent) Validate() error {
	return check(
		field{e.Conversation > 0, "conversation"},
		field{e.Taker.Valid(), "taker"},
		field{size(len(e.Tx), 1, protocol.MaxTx), "tx"},
	)
}

// Validate checks the size of the transaction.
func (e PushEvent) Validate() error {
	return check(
		field{e.Taker.Valid(), "taker"},
		field{size(len(e.Tx), 1, protocol.MaxPush), "tx"},
	)
}

// Validate checks the form of the reason; a newer side may have new ones.
func (e EndedEvent) Validate() error {
	return check(
		field{e.Conversation > 0, "conversation"},
		field{e.Taker.Valid(), "taker"},
		field{reason.MatchString(string(e.Reason)), "reason"},
	)
}
