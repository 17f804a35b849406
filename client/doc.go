// Package client takes part in the market for a wallet, which need not be ours.
//
// # Parts
//
// A Session is a connection to a daemon, which speaks with the market, and a new
// nick there; this package makes it. What is done under that nick is in packages
// of their own, which ask for no more than small interfaces:
//
//	taker        makes CoinJoins           needs taker.Wallet, taker.Daemon, taker.Commitments
//	maker        answers those of others   needs maker.Wallet, maker.Node, sessions
//	plan         many CoinJoins in a row   needs plan.Wallet, and a function that makes one
//	schedule     what a plan is made of; tumbler draws one
//	commitments  which coins were committed to, and may be once more
//	journal      what became of each attempt
//	control      reaches a joinmarketd; inprocess has a daemon in this process
//
// # Your own keys and coins
//
// *wallet.Wallet is a taker.Wallet and a maker.Wallet. Another wallet implements
// the methods of one of them: coins to set aside and to release, addresses that
// never go out twice, signatures for inputs, and openings of commitments (package
// podle makes them of a private key). No key leaves it. It needs a chain.Backend,
// since the coins of others are looked up with a node that you trust. The folder
// examples/externalwallet has such a wallet, in 200 lines, and a test in which it
// pays with a CoinJoin.
//
// A payment then is
//
//	d, err := inprocess.New(daemon.Config{NewChannel: channels.Factory(channels.Config{})})
//	s, err := client.Connect(ctx, client.Config{Dial: d.Dial, Role: control.RoleTaker, ...})
//	t, err := taker.New(taker.Config{Wallet: yours, Daemon: s, Commitments: store, ...})
//	result, err := t.Run(ctx, taker.Payment{Amount: 25_000_000, Destination: address, ...},
//		func(q taker.Quote) error { return askTheUser(q) })
//
// and until that last function returns nil, no maker has heard of it.
//
// # Lifetimes
//
// Connect and New return at once or with an error; whatever blocks takes a
// context. A session lasts until Close, or until the daemon gives it up: when the
// connection alone breaks, it is dialed again and the session goes on, without a
// word to its user. Its Events must be read all the time; taker and maker do so
// while Run runs. After the end Events is closed and Err tells why; a new session
// is a new nick. Run of taker makes one attempt and returns; Run of maker connects
// by itself, again and again, until its context ends.
//
// # What must survive
//
// A commitment is on the disk before it is sent, an index before its address is
// shown, a signed transaction before a maker gets it. The wallet's part of that is
// said at each method of taker.Wallet and maker.Wallet.
//
// # Errors
//
// A refusal by the daemon is a *control.Error, and errors.Is finds its code, such
// as control.ErrLimit. What went wrong in an attempt is a *taker.Error: the step,
// a protocol.Reason that does not change between versions (docs/reasons.md says
// what to do), and the cause. What makers do wrong is no error of ours: they are
// in Result.Dropped, with a reason each. An error of the wallet comes back
// wrapped.
package client
