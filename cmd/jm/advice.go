package main

import "github.com/joinmarket-go/joinmarket/protocol"

// advice says, for every reason why an attempt as a whole can end, what to do.
// docs/reasons.md repeats it.
var advice = map[protocol.Reason]string{
	protocol.ReasonDeclined:     "Nothing was sent.",
	protocol.ReasonCancelled:    "Nothing was spent unless the transaction was shown as signed; run jm wallet show to see.",
	protocol.ReasonFewOffers:    "Ask for fewer makers (-N), raise the fee limits (-x, -r), choose an amount that more makers can serve (jm orderbook), or try again when more are there.",
	protocol.ReasonFewMakers:    "Makers were silent or broke the rules; no coin was spent. Try again: others will be chosen.",
	protocol.ReasonNoCommitment: "Makers want a commitment to a coin that is at least 5 blocks old and at least 20 % of the amount, and accept three for each coin. Wait for more blocks, or use a mixdepth with another coin.",
	protocol.ReasonNoFunds:      "Choose a smaller amount or another mixdepth (-m); jm wallet show says what each holds.",
	protocol.ReasonFeeLimit:     "The fees turned out higher than the quote allows, so nothing was signed. Try again, or set another fee rate (-f).",
	protocol.ReasonBadAddress:   "Check the address and the network in joinmarket.cfg.",
	protocol.ReasonBadCoins:     "A coin was spent or went away meanwhile; nothing was sent. Try again.",
	protocol.ReasonRejected:     "The node does not take the transaction; its words stand above. The makers' coins may have been spent elsewhere. Try again.",
	protocol.ReasonUnseen:       "Everybody has signed, and a maker was asked to broadcast, but the network does not show it. Do not pay again before you have looked: broadcast it yourself with the node (sendrawtransaction), or wait.",
	protocol.ReasonChain:        "The node did not answer. Check that it runs and is synchronised, then try again; or set a fee rate (-f) if it has no estimate.",
	protocol.ReasonDaemonGone:   "The messaging daemon ended the connection or was started again. If you run joinmarketd, check that it is up, and try again.",
	protocol.ReasonInterrupted:  "No end of this attempt was written down: it is still at work, or the program was ended in the middle. Look at jm wallet pending before you pay again: a transaction that is listed there may come about.",
	protocol.ReasonMakerOnly:    "The wallet is open for a maker, which sends nothing. Open it without that limit: end jm yieldgenerator, and pay with --maker, which runs one beside the payment.",
	protocol.ReasonInternal:     "This is a fault of the program. Run it again with -v and report what it prints.",
}
