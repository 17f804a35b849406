// Package onion is the language of the onion message channel: one JSON object a
// line over a stream, with a type and a text. It opens no connection and holds
// no state.
//
// The types, and what their text is:
//
//	685 private       any to any           from!to!command message key signature
//	687 public        any to directory,    from!PUBLIC!command ...
//	                  directory to all
//	789 peer list     directory to any     nick;location[;D][;F:features], ...
//	791 get peer list any to directory     empty
//	793 hello         all but directories  ClientHello, JSON as text
//	795 hello         directory, to a 793  DirectoryHello, JSON as text
//	798 ping, 799 pong                     empty
//
// A bot says 793 as soon as its connection is up; a directory answers 795, any
// other bot says 793 of its own and waits for nothing. All else comes after.
//
// The reference closes a connection on which 799 or 801 comes, and takes 785,
// 787 and 797 for events of its own: it can be made to forget its peers by them
// (attack N6). So these three are neither sent nor understood. 791 is for peers
// that announced FeaturePeerList only, and ping and pong for those that announced
// FeaturePing: the reference announces nothing (attack N19), and joinmarket-ng's
// ping was once 797.
package onion

import "github.com/joinmarket-go/joinmarket/protocol"

const (
	// HostID is what private messages of this channel are signed for, whichever
	// connection they take (protocol: signing private messages).
	HostID = "onion-network"
	// Port is the port that onion services of this network have.
	Port = 5222
	// MaxLine is the greatest length in bytes of a line without its end. The
	// reference closes the connection at one more.
	MaxLine = protocol.MaxMessage
)

// Type says what a message is.
type Type uint16

// The types that are spoken.
const (
	Private        Type = 685
	Public         Type = 687
	PeerList       Type = 789
	GetPeerList    Type = 791
	HelloClient    Type = 793
	HelloDirectory Type = 795
	Ping           Type = 798
	Pong           Type = 799
)

// local reports whether t is an event within the reference, which must never be
// sent: it does not ask where it comes from.
func (t Type) local() bool { return t == 785 || t == 787 || t == 797 }

// NetworkName is what a Bitcoin network is called in hellos: the reference, and so
// everybody, says testnet on regtest. Names of hellos are compared as NetworkName
// gives them, for some say regtest.
func NetworkName(network string) string {
	if network == "regtest" {
		return "testnet"
	}
	return network
}
