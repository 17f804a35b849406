package onion

import (
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// Bounds of what is kept of what one directory says (attack N7).
const (
	maxRoster  = 10_000
	rosterLife = 2 * time.Hour
)

// roster has what a directory says of nicks, with the time when it last did.
type roster[V any] map[protocol.Nick]entry[V]

type entry[V any] struct {
	at    time.Time
	value V
}

// put notes a value, unless the roster is full: a directory can say what it likes
// of as many nicks as it likes, and gains nothing by more.
func (r roster[V]) put(nick protocol.Nick, v V, now time.Time) {
	if _, ok := r[nick]; ok || len(r) < maxRoster {
		r[nick] = entry[V]{now, v}
	}
}

func (r roster[V]) has(nick protocol.Nick) bool {
	_, ok := r[nick]
	return ok
}

// sweep forgets what was not said for rosterLife.
func (r roster[V]) sweep(now time.Time) {
	for nick, e := range r {
		if now.Sub(e.at) > rosterLife {
			delete(r, nick)
		}
	}
}
