package count

// Cause is what is counted. Its number means nothing outside the process.
type Cause uint8

// Bounds that were reached.
const (
	LimitClients        Cause = iota // a client more than there may be
	LimitConversations               // a fill while a maker had all the conversations it may have
	LimitFills                       // a nick filled too often
	LimitRefusals                    // a refusal that was not sent, as too many were
	LimitAsks                        // the order book was asked for too often
	LimitPush                        // a nick asked to broadcast too often
	LimitHear                        // commitments that are published too often
	LimitRelay                       // commitments to publish for others that come too often
	LimitVerdicts                    // messages that wait for the client's verdict
	LimitSignatures                  // messages that wait for the client's signature
	LimitBonds                       // takers that wait for the proof of a bond; they get offers alone
	LimitErrorTexts                  // texts of counterparties to show to the client
	LimitBook                        // nicks, offers or bonds in the order book
	LimitCommitmentList              // commitments in the list

	// Messages.

	InPublic    // lines to the room
	InPrivate   // messages to us, put together from their pieces
	OutPublic   // lines of command groups, for each channel
	OutPrivate  // messages, before they are cut into pieces
	DropForm    // in: no message of the market's form
	DropProof   // in: not signed by its sender, or the client did not say so in time
	DropOrder   // in: may not come now in its conversation, or does not open
	DropNoRoute // out: the nick is on no channel that is up
	DropNoSign  // out: the client did not sign in time

	// What a channel drops (package irc).

	DropLine     // in: no line of IRC, or not printable ASCII
	DropStranger // in: the sender's name is no nick of the market
	DropChunk    // in: a piece without marker, or beyond the bounds
	DropDown     // out: the channel was not up
	DropFull     // out: too much was waiting
	DropText     // out: too long, or not printable ASCII
	DropRefused  // out: the server did not pass it on

	// Conversations of both roles.

	ConversationBegun
	ConversationSigned // it did what it was for
	ConversationFailed // it ended before

	CommitmentUsed  // opened to us, and entered before we answered
	CommitmentHeard // published by others

	ChannelUp        // came up, for the first time or again
	ChannelLost      // was up and is no longer
	ChannelFailed    // an attempt that failed
	ChannelComplaint // a server found us too fast

	ClientServed // said hello and was let in
	ClientBroken // its connection ended with an error

	FaultPanic // work on one event ended by a panic; the session went on
	FaultEvent // an event that broke the control protocol and was not sent

	causes // how many there are
)

// table has the row of each cause.
var table = [causes]struct {
	family Family
	name   string
}{
	LimitClients:        {Limits, "clients"},
	LimitConversations:  {Limits, "conversations"},
	LimitFills:          {Limits, "fills"},
	LimitRefusals:       {Limits, "refusals"},
	LimitAsks:           {Limits, "orderbook-requests"},
	LimitPush:           {Limits, "push"},
	LimitHear:           {Limits, "commitments-heard"},
	LimitRelay:          {Limits, "commitments-relayed"},
	LimitVerdicts:       {Limits, "verdicts"},
	LimitSignatures:     {Limits, "signatures"},
	LimitBonds:          {Limits, "bond-proofs"},
	LimitErrorTexts:     {Limits, "error-texts"},
	LimitBook:           {Limits, "order-book"},
	LimitCommitmentList: {Limits, "commitment-list"},

	InPublic:    {In, "public"},
	InPrivate:   {In, "private"},
	OutPublic:   {Out, "public"},
	OutPrivate:  {Out, "private"},
	DropForm:    {DroppedIn, "form"},
	DropProof:   {DroppedIn, "proof"},
	DropOrder:   {DroppedIn, "order"},
	DropNoRoute: {DroppedOut, "no-route"},
	DropNoSign:  {DroppedOut, "not-signed"},

	DropLine:     {DroppedIn, "line"},
	DropStranger: {DroppedIn, "stranger"},
	DropChunk:    {DroppedIn, "chunk"},
	DropDown:     {DroppedOut, "down"},
	DropFull:     {DroppedOut, "full"},
	DropText:     {DroppedOut, "text"},
	DropRefused:  {DroppedOut, "refused"},

	ConversationBegun:  {Conversations, "begun"},
	ConversationSigned: {Conversations, "signed"},
	ConversationFailed: {Conversations, "failed"},

	CommitmentUsed:  {Commitments, "used"},
	CommitmentHeard: {Commitments, "heard"},

	ChannelUp:        {Channels, "up"},
	ChannelLost:      {Channels, "lost"},
	ChannelFailed:    {Channels, "failed"},
	ChannelComplaint: {Channels, "complaint"},

	ClientServed: {Clients, "served"},
	ClientBroken: {Clients, "broken"},

	FaultPanic: {Faults, "panic"},
	FaultEvent: {Faults, "event"},
}
