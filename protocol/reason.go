package protocol

// Reason is a stable code for why a conversation, or one maker's part in an
// attempt, ended. The same codes stand in logs, events, the journal and on
// screen; docs/reasons.md says what each means to a user.
type Reason string

// Reasons given by the daemon.
const (
	ReasonTimeoutFill   Reason = "timeout-fill"   // no !pubkey in time
	ReasonTimeoutAuth   Reason = "timeout-auth"   // no !ioauth (taker) or !auth (maker) in time
	ReasonTimeoutTx     Reason = "timeout-tx"     // no !sig (taker) or !tx (maker) in time
	ReasonLeft          Reason = "left"           // the nick left every channel
	ReasonUnreachable   Reason = "unreachable"    // seen on no channel
	ReasonBlacklisted   Reason = "blacklisted"    // the maker says the commitment was used before
	ReasonRefused       Reason = "refused"        // the maker answered !error
	ReasonMalformed     Reason = "malformed"      // a field breaks its grammar or bounds
	ReasonUndecryptable Reason = "undecryptable"  // a sealed message does not open
	ReasonBadKey        Reason = "bad-key"        // a session key is no usable Curve25519 point
	ReasonUnexpected    Reason = "unexpected"     // a command that may not come now
	ReasonTooLarge      Reason = "too-large"      // a message exceeds its limit
	ReasonClientGone    Reason = "client-gone"    // the client disconnected
	ReasonClientTimeout Reason = "client-timeout" // the client did not answer the daemon in time
	ReasonDaemonStops   Reason = "daemon-stops"   // the daemon was told to end
)

// Reasons given by the client after its own checks.
const (
	ReasonUnknownOffer   Reason = "unknown-offer"   // the offer is not one we published
	ReasonAmountRange    Reason = "amount-range"    // outside the offer's sizes
	ReasonBadCommitment  Reason = "bad-commitment"  // the opening does not prove the commitment
	ReasonCommitmentUsed Reason = "commitment-used" // accepted before
	ReasonTakerCoin      Reason = "taker-coin"      // commitment coin spent, too young, too small or of another key
	ReasonNoFunds        Reason = "no-funds"        // no mixdepth can cover the amount
	ReasonBadSignature   Reason = "bad-signature"   // a signature does not verify
	ReasonBadAddress     Reason = "bad-address"     // wrong network, type, or not distinct
	ReasonBadCoins       Reason = "bad-coins"       // inputs missing, spent, unconfirmed, repeated or of another type
	ReasonForeignKey     Reason = "foreign-key"     // the authorising key owns none of the inputs
	ReasonLowChange      Reason = "low-change"      // the maker's change would be below the limit
	ReasonBadTx          Reason = "bad-tx"          // the transaction is not the one agreed to
	ReasonTooManySigs    Reason = "too-many-sigs"   // more signatures than inputs allow
	ReasonChain          Reason = "chain-unknown"   // our own node gave no answer
	ReasonInternal       Reason = "internal"        // our own fault; the log has the details
	ReasonFeeLimit       Reason = "fee-limit"       // a fee exceeds what was agreed
)

// Reasons why a taker's attempt as a whole ended. ReasonNoFunds, ReasonFeeLimit,
// ReasonBadAddress, ReasonBadCoins, ReasonChain and ReasonInternal can end one
// too.
const (
	ReasonDeclined     Reason = "declined"      // the user said no to the quote
	ReasonCancelled    Reason = "cancelled"     // stopped from outside
	ReasonFewOffers    Reason = "few-offers"    // too few offers within the limits
	ReasonFewMakers    Reason = "few-makers"    // too few makers did what they should
	ReasonNoCommitment Reason = "no-commitment" // no coin that makers accept a commitment to
	ReasonRejected     Reason = "rejected"      // our node refuses the transaction
	ReasonUnseen       Reason = "unseen"        // a maker got the transaction, the network does not show it
	ReasonDaemonGone   Reason = "daemon-gone"   // the connection to the daemon ended
	ReasonInterrupted  Reason = "interrupted"   // the program ended before the attempt did
	ReasonMakerOnly    Reason = "maker-only"    // the wallet is open for a maker only
)
