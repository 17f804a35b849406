package control

import (
	"net"
	"strconv"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Methods a client calls. Each has a request and an answer type of the same
// stem below; a method without fields takes and gives an empty object.
const (
	MethodStart     = "start"     // StartRequest -> StartAnswer; once per connection
	MethodResume    = "resume"    // ResumeRequest -> ResumeAnswer; in place of start, on another connection
	MethodLeave     = "leave"     // {} -> {}; ends the session
	MethodStatus    = "status"    // StatusRequest -> StatusAnswer
	MethodBecome    = "become"    // BecomeRequest -> {}; watchers, once: takes a role after all
	MethodRefresh   = "refresh"   // {} -> {}; publishes !orderbook on every channel that is up
	MethodOrderbook = "orderbook" // {} -> OrderbookAnswer
	MethodAnnounce  = "announce"  // AnnounceRequest -> {}; makers

	MethodFill   = "fill"   // FillRequest -> FillAnswer; takers; ends the previous attempt
	MethodRefill = "refill" // RefillRequest -> {}; takers; asks more makers within an attempt
	MethodAuth   = "auth"   // AuthRequest -> {}; takers
	MethodTx     = "tx"     // TxRequest -> {}; takers
	MethodPush   = "push"   // PushRequest -> {}; takers

	MethodIOAuth = "ioauth" // IOAuthRequest -> {}; makers, answers EventAuth
	MethodSigs   = "sigs"   // SigsRequest -> {}; makers, answers EventTx
	MethodRefuse = "refuse" // RefuseRequest -> {}; makers, ends a conversation
)

// Questions the daemon asks of the client: it has no key of its own. A client
// that answers one with an error loses just that message: it is not sent, or
// dropped. So a watcher that cannot verify still sees what is said in public.
const (
	QuestionSign   = "sign"   // SignRequest -> SignAnswer
	QuestionVerify = "verify" // VerifyRequest -> VerifyAnswer
	QuestionBond   = "bond"   // BondRequest -> BondAnswer; makers that announced one
)

// Events the daemon tells the client without being asked.
const (
	EventChannel = "channel" // ChannelEvent: a message channel changed its state
	EventAlert   = "alert"   // AlertEvent: the operators of a room speak to all
	EventReady   = "ready"   // ReadyEvent: once, when the market can be used

	EventPubKey = "pubkey" // PubKeyEvent; takers: a maker took our fill
	EventIOAuth = "ioauth" // IOAuthEvent; takers: a maker opened its coins
	EventSig    = "sig"    // SigEvent; takers: one signature of a maker
	EventFailed = "failed" // FailedEvent; takers: a maker dropped out, with the reason
	EventError  = "error"  // ErrorEvent: what a counterparty wrote in !error, escaped

	EventAuth  = "auth"  // AuthEvent; makers: a taker opened its commitment
	EventTx    = "tx"    // TxEvent; makers: a taker sent the transaction
	EventPush  = "push"  // PushEvent; makers: a taker asks to broadcast
	EventEnded = "ended" // EndedEvent; makers: a conversation ended without a signature
)

// Role says what a client does in the market.
type Role string

// The roles. A watcher reads the order book and holds no conversation.
const (
	RoleTaker   Role = "taker"
	RoleMaker   Role = "maker"
	RoleWatcher Role = "watcher"
)

// StartRequest enters the market under a nick.
type StartRequest struct {
	Role Role `json:"role"`
	// Nick is derived from the client's key; all private messages are signed
	// by that key through QuestionSign.
	Nick protocol.Nick `json:"nick"`
	// Network is mainnet, testnet, signet or regtest; it names the IRC room.
	Network string `json:"network"`
	// Channels to join, at most 16. Empty means those the daemon was started
	// with.
	Channels []ChannelConfig `json:"channels,omitempty"`
}

// BecomeRequest gives a watcher the role of taker or maker, for a client that
// enters the market before it knows which it will have.
type BecomeRequest struct {
	Role Role `json:"role"`
}

// ChannelConfig describes one message channel, as the section [MESSAGING:name]
// of joinmarket.cfg does.
type ChannelConfig struct {
	Name     string `json:"name"` // unique among the channels of a session
	Type     string `json:"type"` // TypeIRC or TypeOnion
	Host     string `json:"host"`
	Port     uint16 `json:"port"`
	Room     string `json:"room"` // without '#' and network suffix
	TLS      bool   `json:"tls,omitempty"`
	Insecure bool   `json:"tls_insecure,omitempty"` // do not verify the certificate
	SOCKS5   string `json:"socks5,omitempty"`       // host:port of a SOCKS5 proxy, empty for none
	// Alternates are further servers of the same network, "host:port", tried in
	// turn when one cannot be used.
	Alternates []string `json:"alternates,omitempty"`
	// TLSCA are the certificates to trust, in PEM: the server's own, or those of
	// who signs it. Empty means the system's.
	TLSCA string `json:"tls_ca,omitempty"`
	// ClientCert is a certificate and its key, in PEM, shown to the server.
	ClientCert Credential `json:"client_cert,omitempty"`
	Password   Credential `json:"password,omitempty"` // of the server, not of an account
	// SASL is how we log in to an account of the network: "" (not at all),
	// SASLPlain or SASLExternal.
	SASL         string     `json:"sasl,omitempty"`
	SASLUser     string     `json:"sasl_user,omitempty"`
	SASLPassword Credential `json:"sasl_password,omitempty"`
	// LineInterval is the least time between two lines to the server; 0 means
	// DefaultLineInterval. Negative means none (private servers only).
	LineInterval time.Duration `json:"line_interval_ns,omitempty"`

	// Of type TypeOnion, with Name and SOCKS5, and without the others:

	// Directories are 1 to MaxDirectories, "host:port".
	Directories []string `json:"directories,omitempty"`
	// TorControl is Tor's control port, "host:port" or "unix:/path", by which a
	// maker has an onion service; empty for none.
	TorControl string `json:"tor_control,omitempty"`
	// Serving is where a maker listens for its onion service, "host:port" of the
	// daemon's machine; port 0 is any free one. Empty: it does not, and is
	// reached through directories only.
	Serving string `json:"serving,omitempty"`
	// OnionKey is the seed of the service's key, 64 hex digits, of a maker that
	// wants a constant address. Empty: a new one for each session.
	OnionKey Credential `json:"onion_key,omitempty"`
	// OnionAddress is that of an onion service which Tor has by its own
	// configuration and which leads to Serving; empty: the daemon makes one.
	OnionAddress string `json:"onion_address,omitempty"`
	// Loopback is the testing mode on one machine, without Tor.
	Loopback bool `json:"loopback,omitempty"`
}

// Values of ChannelConfig.Type.
const (
	TypeIRC   = "irc"
	TypeOnion = "onion"
)

// StartAnswer says what the daemon granted.
type StartAnswer struct {
	Channels []string `json:"channels"` // names of the channels that are being joined
	Resumption
}

// Resumption is how a client comes back to its session. It is empty unless both
// hellos have FeatureResume.
type Resumption struct {
	Token Credential    `json:"token,omitempty"`    // 64 hex digits, for one MethodResume
	Grace time.Duration `json:"grace_ns,omitempty"` // how long the session waits for it
}

// ResumeRequest takes a session over.
type ResumeRequest struct {
	Token Credential `json:"token"`
	// Events is how many events of the session came so far, on all connections.
	// Those missed since are sent again.
	Events uint64 `json:"events"`
}

// ResumeAnswer is where the session stands.
type ResumeAnswer struct {
	Resumption
	Role          Role                `json:"role"`
	Nick          protocol.Nick       `json:"nick"`
	Ready         bool                `json:"ready"` // EventReady was told
	Channels      []ChannelEvent      `json:"channels"`
	Conversations []ConversationState `json:"conversations"` // open ones
	// Missed is how many events were told and cannot be sent again; they count
	// as having come.
	Missed uint64 `json:"missed,omitempty"`
}

// ConversationState is where a conversation stands.
type ConversationState struct {
	Conversation uint64        `json:"conversation"` // a taker's: the attempt
	Nick         protocol.Nick `json:"nick"`         // of the counterparty
	State        string        `json:"state"`        // as docs/conversation.md names it
}

// Servers are the addresses of the channel's server and of its alternates, or of
// its directories.
func (c ChannelConfig) Servers() []string {
	if c.Type == TypeOnion {
		return c.Directories
	}
	return append([]string{net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))}, c.Alternates...)
}

// Values of ChannelConfig.SASL.
const (
	SASLPlain    = "plain"    // by SASLUser and SASLPassword
	SASLExternal = "external" // by ClientCert
)

// ChannelState is where a message channel stands.
type ChannelState string

// The states of a channel.
const (
	ChannelConnecting ChannelState = "connecting" // trying, never ready so far
	ChannelUp         ChannelState = "up"
	ChannelLost       ChannelState = "lost" // was up, reconnecting
	ChannelFailed     ChannelState = "failed"
)

// ChannelEvent tells that a channel changed its state, and why.
type ChannelEvent struct {
	Channel string       `json:"channel"`
	State   ChannelState `json:"state"`
	HostID  string       `json:"hostid,omitempty"` // when up
	Reason  string       `json:"reason,omitempty"` // when lost or failed: a sentence
	// Code names the kind of reason, as docs/irc.md lists them; empty if the
	// reason has none.
	Code string `json:"code,omitempty"`
	// LineInterval is the time between two lines at present, for Airtime: what
	// was configured, or more if the server did not take that. 0: none, or a
	// daemon that does not tell.
	LineInterval time.Duration `json:"line_interval_ns,omitempty"`
}

// AlertEvent is what the operators of a channel's room tell all programs of our
// version of the market's protocol. Anybody may be the operator.
type AlertEvent struct {
	Channel string `json:"channel"`
	Text    string `json:"text"`
}

// ReadyEvent tells that the market can be used: every channel is up, or the
// start-up wait after the first one has passed.
type ReadyEvent struct {
	Channels []string `json:"channels"` // those that are up
}

// OrderbookAnswer is a copy of the order book.
type OrderbookAnswer struct {
	Offers []OfferEntry `json:"offers"`
	Bonds  []BondEntry  `json:"bonds"`
}

// OfferEntry is one offer and who made it.
type OfferEntry struct {
	Nick protocol.Nick `json:"nick"`
	protocol.Offer
}

// BondEntry is the latest fidelity bond proof of a maker, unverified: 336
// characters of base64 made for the asking nick.
type BondEntry struct {
	Nick  protocol.Nick `json:"nick"`
	Taker protocol.Nick `json:"taker"`
	Proof string        `json:"proof"`
}

// AnnounceRequest replaces the maker's offers. The daemon publishes what is new
// or changed and cancels what is gone. At most protocol.MaxOwnOffers, with
// distinct ids.
type AnnounceRequest struct {
	Offers []protocol.Offer `json:"offers"`
	// Bond says that the maker has a fidelity bond: QuestionBond is asked for
	// each taker that wants to see the offers.
	Bond bool `json:"bond,omitempty"`
}

// FillRequest begins an attempt: a new encryption key, then !fill to every
// maker named. Each answers with EventPubKey or EventFailed.
type FillRequest struct {
	Amount sats.Amount `json:"amount"`
	// Commitment as it travels: 'P' and 64 hex digits.
	Commitment protocol.Commitment `json:"commitment"`
	Makers     []MakerOffer        `json:"makers"` // 1..protocol.MaxMakers, distinct nicks
	// Deadline bounds the wait for each answer of this attempt, per stage;
	// 0 means the daemon's default of 60 s, the upper bound is 10 min.
	Deadline time.Duration `json:"deadline_ns,omitempty"`
}

// MakerOffer names the offer of a maker.
type MakerOffer struct {
	Nick    protocol.Nick    `json:"nick"`
	OfferID protocol.OfferID `json:"oid"`
}

// FillAnswer names the attempt; later requests and events carry it, so that
// nothing of an older attempt is mistaken for this one. Events of the attempt
// may come before this answer.
type FillAnswer struct {
	Attempt uint64 `json:"attempt"`
}

// RefillRequest sends the !fill of an attempt, with its amount, key and
// commitment, to further makers, in the place of some that do not answer. None
// of them may have been asked in this attempt before, and all together they are
// at most protocol.MaxMakers.
type RefillRequest struct {
	Attempt uint64       `json:"attempt"`
	Makers  []MakerOffer `json:"makers"` // at least one, distinct nicks
}

// AuthRequest opens the commitment to makers whose EventPubKey came.
type AuthRequest struct {
	Attempt    uint64          `json:"attempt"`
	Makers     []protocol.Nick `json:"makers"`
	Revelation string          `json:"revelation"` // txid:vout|P|P2|s|e in hex
}

// TxRequest sends the unsigned transaction to makers whose EventIOAuth came.
type TxRequest struct {
	Attempt uint64          `json:"attempt"`
	Makers  []protocol.Nick `json:"makers"`
	Tx      []byte          `json:"tx"` // serialised without witness, at most protocol.MaxTx bytes
}

// PushRequest asks a maker to broadcast the signed transaction.
type PushRequest struct {
	Maker protocol.Nick `json:"maker"`
	Tx    []byte        `json:"tx"` // serialised with witness, at most protocol.MaxPush bytes
}

// PubKeyEvent: the maker accepted the fill and sent its session key.
type PubKeyEvent struct {
	Attempt uint64        `json:"attempt"`
	Maker   protocol.Nick `json:"maker"`
	PubKey  string        `json:"pubkey"` // 64 hex digits
}

// IOAuthEvent: the maker's coins and addresses, not verified by the daemon
// beyond their form.
type IOAuthEvent struct {
	Attempt uint64        `json:"attempt"`
	Maker   protocol.Nick `json:"maker"`
	IOAuth
	// PubKey is the session key the maker sent in !pubkey, which Signature
	// must sign.
	PubKey string `json:"pubkey"`
}

// IOAuth is what a maker opens to a taker.
type IOAuth struct {
	UTXOs         []string `json:"utxos"`      // txid:vout
	AuthPubKey    string   `json:"authpubkey"` // 66 hex digits
	CJAddress     string   `json:"cjaddr"`
	ChangeAddress string   `json:"changeaddr"`
	Signature     string   `json:"sig"` // base64 of DER
}

// SigEvent: one signature of a maker, as the base64 of a script of pushes.
type SigEvent struct {
	Attempt uint64        `json:"attempt"`
	Maker   protocol.Nick `json:"maker"`
	Sig     string        `json:"sig"`
}

// FailedEvent: a maker left this attempt, for a reason of protocol.Reason.
type FailedEvent struct {
	Attempt uint64          `json:"attempt"`
	Maker   protocol.Nick   `json:"maker"`
	Reason  protocol.Reason `json:"reason"`
	Text    string          `json:"text,omitempty"` // what the maker wrote, escaped
}

// ErrorEvent: free text of a counterparty, printable ASCII, at most 200
// characters.
type ErrorEvent struct {
	Nick protocol.Nick `json:"nick"`
	Text string        `json:"text"`
}

// AuthEvent: a taker opened its commitment to us. The client answers with
// MethodIOAuth or MethodRefuse.
type AuthEvent struct {
	Conversation uint64           `json:"conversation"` // names this conversation for its whole life
	Taker        protocol.Nick    `json:"taker"`
	OfferID      protocol.OfferID `json:"oid"`
	Amount       sats.Amount      `json:"amount"`
	// Offer is what OfferID named when the fill came; it may have been
	// announced anew since. Empty from an older daemon.
	Offer protocol.Offer `json:"offer,omitzero"`
	// Commitment as in !fill; the client checks that Revelation opens it.
	Commitment protocol.Commitment `json:"commitment"`
	Revelation string              `json:"revelation"`
	// PubKey is our session key, 64 hex digits, which the client's wallet
	// signs in IOAuth.Signature.
	PubKey string `json:"pubkey"`
}

// IOAuthRequest answers an AuthEvent.
type IOAuthRequest struct {
	Conversation uint64 `json:"conversation"`
	IOAuth
}

// TxEvent: the taker sent the transaction to sign. The client checks it against
// its own record and answers with MethodSigs or MethodRefuse.
type TxEvent struct {
	Conversation uint64        `json:"conversation"`
	Taker        protocol.Nick `json:"taker"`
	Tx           []byte        `json:"tx"`
}

// SigsRequest answers a TxEvent: one base64 script of pushes an input, in the
// order of the inputs.
type SigsRequest struct {
	Conversation uint64   `json:"conversation"`
	Sigs         []string `json:"sigs"`
}

// RefuseRequest ends a conversation. The taker is told nothing, as the
// reference does; the reason goes to the daemon's log.
type RefuseRequest struct {
	Conversation uint64          `json:"conversation"`
	Reason       protocol.Reason `json:"reason"`
}

// PushEvent: a taker asks us to broadcast. The client does so only for a
// transaction that it signed.
type PushEvent struct {
	Taker protocol.Nick `json:"taker"`
	Tx    []byte        `json:"tx"`
}

// EndedEvent: a maker's conversation is over; what was set aside for it can be
// freed (with the care due to what was already shown or signed).
type EndedEvent struct {
	Conversation uint64          `json:"conversation"`
	Taker        protocol.Nick   `json:"taker"`
	Reason       protocol.Reason `json:"reason"`
}

// SignRequest asks the client to sign a private message with the nick key.
type SignRequest struct {
	To      protocol.Nick `json:"to"`
	Command string        `json:"command"` // the market's command name, for the client's judgement
	Text    string        `json:"text"`    // the message followed by the host id; signed as it is
	HostID  string        `json:"hostid"`
}

// SignAnswer carries the nick's key and signature as they travel.
type SignAnswer struct {
	PubKey    string `json:"pubkey"` // 66 lower-case hex digits
	Signature string `json:"sig"`    // base64 of DER
}

// VerifyRequest asks whether Signature by PubKey over Text is valid and PubKey
// is the key behind Nick.
type VerifyRequest struct {
	Nick      protocol.Nick `json:"nick"`
	Command   string        `json:"command,omitempty"` // the market's command name; not signed
	Text      string        `json:"text"`              // with the host id
	HostID    string        `json:"hostid"`
	PubKey    string        `json:"pubkey"`
	Signature string        `json:"sig"`
}

// VerifyAnswer is the verdict.
type VerifyAnswer struct {
	Valid bool `json:"valid"`
}

// BondRequest asks for the proof of the maker's fidelity bond, made for a taker.
type BondRequest struct {
	Taker protocol.Nick `json:"taker"`
}

// BondAnswer carries the proof: 336 characters of base64.
type BondAnswer struct {
	Proof string `json:"proof"`
}
