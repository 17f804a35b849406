// Package tor reaches the world through Tor, and nothing past it: connections by
// Tor's SOCKS port, onion services by its control port, the search for a running
// Tor, and a private one where none runs.
//
// Nothing here looks up a name: names go to Tor as they are (attack N17). Each
// identity gets circuits of its own (attack N18).
//
// The control protocol is spoken by code of our own, of which we need six
// commands. Of the libraries, lnd/tor links Bitcoin code, which the daemon must
// not; bine reads lines of any length and any number of them, and knows no
// contexts.
package tor

import "errors"

// Errors of this package. Their texts say what to do.
var (
	// ErrNoTor: nothing answers where Tor should be.
	ErrNoTor = errors.New("no Tor")
	// ErrNotTor: what answers is no Tor, or breaks its protocol.
	ErrNotTor = errors.New("not Tor's protocol")
	// ErrUnreachable: Tor works but does not get there.
	ErrUnreachable = errors.New("not reached through Tor")
	// ErrAuth: the control port does not let us in.
	ErrAuth = errors.New("the control port does not let us in")
	// ErrRefused: the control port refuses a command.
	ErrRefused = errors.New("refused by Tor")
	// ErrDirect: an onion address and no proxy. It is neither looked up nor
	// dialled.
	ErrDirect = errors.New("an onion address can only be reached through Tor: set its SOCKS port")
	// ErrKey: a folder does not have the key of an onion service.
	ErrKey = errors.New("unusable key of an onion service")
)
