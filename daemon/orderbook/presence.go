package orderbook

import (
	"maps"
	"slices"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// Left notes that a nick is no longer on a channel. It is then spoken to on
// another one where it is; where there is none it is forgotten with its offers,
// and Left reports so.
func (b *Book) Left(channel string, nick protocol.Nick) (gone bool) {
	p := b.peers[nick]
	if p == nil {
		return true
	}
	return b.leave(p, channel)
}

// Lost notes that a channel broke: whoever was on it has left it.
func (b *Book) Lost(channel string) {
	for _, p := range b.peers {
		b.leave(p, channel)
	}
}

func (b *Book) leave(p *peer, channel string) (gone bool) {
	i := slices.Index(p.channels, channel)
	if i < 0 {
		return false
	}
	p.channels = slices.Delete(p.channels, i, i+1)
	if len(p.channels) == 0 {
		b.drop(p)
		return true
	}
	if p.proven == channel {
		p.proven = ""
	}
	if p.active == channel {
		p.active = ""
	}
	return false
}

// Route returns the channel on which to speak to a nick: where it last signed
// or, failing that, last offered something; otherwise the first of channels on
// which it was heard, which is where it is spoken to from now on.
func (b *Book) Route(nick protocol.Nick, channels []string) (string, bool) {
	p := b.peers[nick]
	if p == nil {
		return "", false
	}
	if p.active == "" {
		i := slices.IndexFunc(channels, func(c string) bool { return slices.Contains(p.channels, c) })
		if i < 0 {
			return "", false
		}
		p.active = channels[i]
	}
	return p.active, true
}

// Channels returns the channels, of those given, on which a nick was heard.
func (b *Book) Channels(nick protocol.Nick, channels []string) []string {
	p := b.peers[nick]
	if p == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(channels), func(c string) bool { return !slices.Contains(p.channels, c) })
}

// Sweep gives back the memory of nicks that left, when they were many: a map from
// which was deleted keeps its size.
func (b *Book) Sweep() {
	if b.left <= len(b.peers) {
		return
	}
	peers := make(map[protocol.Nick]*peer, len(b.peers))
	maps.Copy(peers, b.peers)
	b.peers, b.left = peers, 0
}

// Peers returns the number of nicks heard of.
func (b *Book) Peers() int { return len(b.peers) }
