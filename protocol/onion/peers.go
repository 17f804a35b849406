package onion

import (
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// Peer is an entry of a peer list: what a directory says of a bot.
type Peer struct {
	Nick     protocol.Nick
	Location Location
	Left     bool // the bot has left that directory
	Features Features
}

// ParsePeers reads the text of a PeerList. Entries of which nick or location is
// none are left out, and so are further parts that nobody knows, as the reference
// does with more: from it an entry with features tells nothing. Absence means
// nothing, since a list tells what is new.
func ParsePeers(text string, loopback bool) []Peer {
	var peers []Peer
	for entry := range strings.SplitSeq(text, ",") {
		if p, ok := parsePeer(entry, loopback); ok {
			peers = append(peers, p)
		}
	}
	return peers
}

func parsePeer(entry string, loopback bool) (p Peer, ok bool) {
	nick, rest, _ := strings.Cut(entry, ";")
	location, rest, more := strings.Cut(rest, ";")
	p.Nick = protocol.Nick(nick)
	p.Location, _ = ParseLocation(location, loopback)
	for part := ""; more; {
		part, rest, more = strings.Cut(rest, ";")
		if names, ok := strings.CutPrefix(part, "F:"); ok {
			for name := range strings.SplitSeq(names, "+") {
				p.Features = p.Features.add(name)
			}
		} else if part == "D" {
			p.Left = true
		}
	}
	return p, p.Nick.Valid() && p.Location != ""
}

// PeersMessage is the message that ParsePeers reads as peers. Features are for
// those that announced FeaturePeerList only: the reference leaves out an entry
// that has some.
func PeersMessage(peers []Peer) Message {
	var b strings.Builder
	for i, p := range peers {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(string(p.Nick) + ";" + string(p.Location))
		if p.Left {
			b.WriteString(";D")
		}
		if len(p.Features) > 0 {
			b.WriteString(";F:" + strings.Join(p.Features, "+"))
		}
	}
	return Message{PeerList, b.String()}
}
